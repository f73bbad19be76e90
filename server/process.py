"""What every server process does around its event loop: memory, signals, and looking after what it has started."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
import uvloop

from server.memory import keep_no_large_blocks

log = structlog.get_logger()

# Collecting young objects every 700 allocations costs a tenth of a busy server's time, and its longest pauses.
GC_THRESHOLDS = (100_000, 50, 1000)
TEND_SECONDS = 1.0

Tend = Callable[[], list[str]]


def prepare_to_serve() -> None:
    gc.set_threshold(*GC_THRESHOLDS)
    keep_no_large_blocks()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What `work` returns; None where it was interrupted. SIGTERM ends it as Ctrl-C does: everything is stopped in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return uvloop.run(work)
    except KeyboardInterrupt:
        return None
    finally:
        work.close()


def stop_asked() -> asyncio.Event:
    """Set when SIGINT or SIGTERM comes, from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def tend_until(stop: asyncio.Event, tend: Tend, *, or_all: Iterable[asyncio.Event] = ()) -> None:
    """Call `tend` about once a second, until `stop` is set, or all of the others if there are any.

    `tend` starts embedded parts again that have died, and says so.
    """
    stopped = asyncio.create_task(stop.wait())
    others = asyncio.ensure_future(asyncio.gather(*(event.wait() for event in or_all))) if or_all else None
    waiting = {stopped} | ({others} if others is not None else set())
    try:
        while not any(each.done() for each in waiting):
            await asyncio.wait(waiting, timeout=TEND_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for sentence in tend():
                log.warning("embedded.tended", what=sentence)
    finally:
        for each in waiting:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waiting, return_exceptions=True)
