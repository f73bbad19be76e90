"""That this process stops: what is under way is finished, and who asks whether it is ready is told.

In order: readiness is red and nobody new is let in; what has been asked for is answered, within DRAIN_SECONDS_MAX; every
connection is closed; what was committed is pushed; the loops end; the stores are let go. An event that comes meanwhile is not
begun, and a request on a connection that is open is answered. What is cut off was done whole or not at all, and asking again
with the same key, at whichever server answers, is safe.
"""

import asyncio
import time
from collections.abc import Callable

DRAIN_SECONDS_MAX = 5.0
LOOK_SECONDS = 0.01


class Stopping:
    """Whether this process stops, and how many HTTP requests it works on (without the sockets' own)."""

    def __init__(self) -> None:
        self.begun = False
        self.requests = 0

    async def requests_answered(self) -> None:
        await until_done(lambda: self.requests == 0, DRAIN_SECONDS_MAX)


async def until_done(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for it, for at most so long; whether it is done."""
    late_at = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= late_at:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
