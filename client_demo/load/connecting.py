"""People who come and go: how soon each is connected and signed in."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter

from client_demo.load.tally import Tally
from client_demo.load.wire import Server, Wire, connect_one

CONNECT = "connect"


def ignore(_: Wire, __: bytes) -> None:
    """What nobody asked for."""


async def connecting(server: Server, auths: Sequence[object], seconds: float, at_once: int, kind: type[Wire] = Wire) -> Tally:
    """`at_once` connect, again and again; who is connected and has their CONNECT answered leaves at once."""
    tally = Tally()
    turns = cycle(auths)
    begun = perf_counter()

    async def again_and_again() -> None:
        while perf_counter() < begun + seconds:
            try:
                with tally.timed(CONNECT):
                    wire = await connect_one(server, next(turns), ignore, kind)
            except (OSError, TimeoutError):
                continue  # it is tallied
            wire.close()

    await asyncio.gather(*(again_and_again() for _ in range(at_once)))
    tally.seconds = perf_counter() - begun
    return tally


async def idling(server: Server, auths: Sequence[object], seconds: float, at_once: int) -> Tally:
    """All of them connect and say nothing more for so long; who did not stay counts as refused to stay."""
    tally = Tally()
    waiting = iter(auths)
    wires: list[Wire] = []
    begun = perf_counter()

    async def one_after_the_other() -> None:
        for auth in waiting:
            with tally.timed(CONNECT):
                wires.append(await connect_one(server, auth, ignore))

    try:
        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        tally.seconds = perf_counter() - begun
        await asyncio.sleep(seconds)
        closed = sum(not wire.is_open for wire in wires)
        if closed:
            tally.refused["stay", "closed"] += closed
    finally:
        for wire in wires:
            wire.close()
    return tally
