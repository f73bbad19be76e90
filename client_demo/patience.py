"""How long a client waits and how often it tries again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from client_demo.wire import NoAnswer, Refused, Unreachable

Answer = TypeVar("Answer")

BACKOFF_EXPONENT_MAX = 10


@dataclass(frozen=True)
class Patience:
    """Bounds of waiting, seconds."""

    connect_seconds: float = 5.0
    answer_seconds: float = 5.0  # one attempt; an acknowledgement later than this condemns the connection
    call_seconds_max: float = 20.0  # all attempts of one call together
    backoff_first_seconds: float = 0.1
    backoff_max_seconds: float = 2.0
    renew_at_share: float = 0.75  # of the access token's life

    def backoff_seconds(self, failures: int) -> float:
        """The pause after so many failures in a row: doubling, capped, and spread so that a crowd scatters."""
        doubled = self.backoff_first_seconds * 2.0 ** min(failures, BACKOFF_EXPONENT_MAX)
        return min(self.backoff_max_seconds, doubled) * random.uniform(0.5, 1.0)

    async def until_answered(self, call: Callable[[float], Awaitable[Answer]], within_seconds: float | None = None) -> Answer:
        """Repeat `call` (given the seconds one attempt may take) until it answers, within `within_seconds`.

        Only for calls that may be repeated. Raises Refused as soon as one is heard, Unreachable when time is up.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (within_seconds or self.call_seconds_max)
        failures = 0
        while True:
            attempt_seconds = max(0.05, min(self.answer_seconds, deadline - loop.time()))
            try:
                return await call(attempt_seconds)
            except NoAnswer as broken:
                cause: Exception = broken
            except Refused as no:
                if no.code != "UNAVAILABLE":
                    raise
                cause = no
            pause_seconds = self.backoff_seconds(failures)
            failures += 1
            if loop.time() + pause_seconds >= deadline:
                raise Unreachable(f"no answer after {failures} attempts ({cause})") from cause
            await asyncio.sleep(pause_seconds)
