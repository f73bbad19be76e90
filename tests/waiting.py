"""Waiting for what happens outside the path of an answer, no longer than it must."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.01


async def until(met: Callable[[], bool], seconds: float = 10.0, *, what: str = "it") -> None:
    """Return once `met()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        await asyncio.sleep(LOOK_SECONDS)


async def until_answered(met: Callable[[], Awaitable[bool]], seconds: float = 10.0, *, what: str = "it") -> None:
    """As `until`, where the answer has to be asked for."""
    deadline = time.monotonic() + seconds
    while not await met():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        await asyncio.sleep(LOOK_SECONDS)
