"""What came of each time that a call was made: for who has to know afterwards, as a measurement or a proof does."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from client_demo.wire import Refused


class Door(StrEnum):
    EVENT = "event"
    REST = "REST"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a call was made. Times are the running loop's, seconds."""

    door: Door
    server: str
    began_at: float
    ended_at: float
    outcome: str  # "ok", a refusal's code, or "no answer"


@contextlib.contextmanager
def noting(noted: list[Attempt], door: Door, server: str) -> Iterator[None]:
    """Note what the block comes to."""
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    outcome = "no answer"
    try:
        yield
        outcome = "ok"
    except Refused as no:
        outcome = no.code
        raise
    finally:
        noted.append(Attempt(door, server, began_at, loop.time(), outcome))
