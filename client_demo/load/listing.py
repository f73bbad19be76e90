"""People who leaf through the market as fast as it answers, by socket or by REST: each asks for the next page at once."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from client_demo.load.asking import SUCCESS
from client_demo.load.people import Account
from client_demo.load.rest import RestWire, request_of
from client_demo.load.tally import Tally
from client_demo.load.wire import Server, Wire, round_trips
from client_demo.wire import ROUTES, as_rest

EVENT = "item:list"
ROUTE = "GET /items"

NextPage = Callable[[], dict[str, Any]]  # what is asked for next, as `item:list` has it


async def by_socket(wires: list[Wire], next_page: NextPage, seconds: float) -> Tally:
    tally = Tally()
    latencies: list[float] = []

    def packet() -> bytes:
        return b"421" + msgspec.json.encode([EVENT, next_page()])

    def judge(answer: bytes) -> None:
        if not answer.startswith(SUCCESS, answer.index(b"[")):
            tally.refused[EVENT, msgspec.json.decode(answer[answer.index(b"[") :])[0]["error"]["code"]] += 1

    begun = perf_counter()
    await round_trips(wires, packet, seconds, latencies, judge=judge)
    tally.seconds = perf_counter() - begun
    tally.taken[EVENT].extend(latencies)
    return tally


async def by_rest(server: Server, accounts: Sequence[Account], next_page: NextPage, seconds: float) -> Tally:
    """A connection for each of `accounts`."""
    tally = Tally()
    wires = [await RestWire.connect(server) for _ in accounts]
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = len(wires)
    begun = perf_counter()

    def ask(wire: RestWire, token: str) -> None:
        asked_at = perf_counter()

        def answered(status: int, _: bytes) -> None:
            nonlocal left
            now = perf_counter()
            if status == 200:
                tally.taken[ROUTE].append(now - asked_at)
            else:
                tally.refused[ROUTE, f"HTTP {status}"] += 1
            if now < begun + seconds:
                ask(wire, token)
                return
            left -= 1
            if left == 0:
                done.set_result(None)

        def broke() -> None:
            if not done.done():
                done.set_exception(ConnectionResetError("a connection broke"))

        wire.send(request_of(server, as_rest(ROUTES[EVENT], next_page()), token), answered, broke)

    try:
        for wire, account in zip(wires, accounts, strict=True):
            ask(wire, account.token)
        await asyncio.wait_for(done, seconds + 60)
        tally.seconds = perf_counter() - begun
    finally:
        for wire in wires:
            wire.close()
    return tally
