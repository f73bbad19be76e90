"""People who leaf through the market as fast as it answers, by socket or by REST: each asks for the next page at once."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from client_demo.load.asking import SUCCESS
from client_demo.load.people import Account
from client_demo.load.rest import RestWire, in_turn, request_of
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

    def request(place: int) -> bytes:
        return request_of(server, as_rest(ROUTES[EVENT], next_page()), accounts[place].token)

    wires = [await RestWire.connect(server) for _ in accounts]
    try:
        return await in_turn(wires, request, ROUTE, seconds)
    finally:
        for wire in wires:
            wire.close()
