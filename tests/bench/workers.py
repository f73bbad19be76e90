"""Two processes beside one (WORKERS), where the database is not the limit: `GET /categories`, which asks no store at all.

The machine's cores are the load client's, too, so that an action has to cost the server far more than the client for two
processes to have two cores. This one does: aiohttp reads the request and finds the route, the token is checked, and all
categories are encoded; the client reads the length of the answer. As an event the same takes the server a tenth of that, and
the client nearly as much: it is shown as well, for what it is. What each took is told.
"""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from client_demo.load.connecting import ignore
from client_demo.load.rest import RestWire, in_turn, request_of
from client_demo.load.tally import Tally
from client_demo.load.wire import Server as Place
from client_demo.load.wire import Wire, connect, round_trips
from client_demo.wire import RestCall
from tests.bench.report import Figure, Report
from tests.bench.servers import Product, Server, Spent, product

EVENT = b'421["category:list",{}]'
ROUTE = "GET /categories"
CALL = RestCall("GET", "/categories", {}, None, None)
SECONDS = 2.0
ROUNDS = 3
CONNECTIONS = 64
WAYS = ("REST", "events")


@dataclass(slots=True)
class Side:
    """WORKERS=1 or 2, connections to it, and what was measured; `spent` is the last round's."""

    name: str
    made: Product
    server: Server
    wires: list[Wire] = field(default_factory=list)
    rest: list[RestWire] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    taken: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    spent: dict[str, Spent] = field(default_factory=dict)
    refused: int = 0

    async def connect(self, connections: int) -> None:
        place = Place(self.server.port)
        self.wires = await connect(place, [self.server.auth() for _ in range(connections)], ignore)
        for _ in range(connections):
            self.rest.append(await RestWire.connect(place))
            self.requests.append(request_of(place, CALL, self.server.auth()["token"]))

    async def measure(self, way: str, seconds: float) -> None:
        before = self.made.spent()
        tally = await (self._by_rest(seconds) if way == "REST" else self._by_events(seconds))
        self.spent[way] = self.made.spent().since(before)
        self.rates[way].append(tally.rate)
        self.taken[way] += tally.everything
        self.refused += tally.refused.total()

    async def _by_rest(self, seconds: float) -> Tally:
        return await in_turn(self.rest, self.requests.__getitem__, ROUTE, seconds)

    async def _by_events(self, seconds: float) -> Tally:
        tally, latencies, begun = Tally(), list[float](), perf_counter()

        def judge(answer: bytes) -> None:
            if not answer.startswith(b'431[{"success":true'):
                tally.refused["category:list", "refused"] += 1

        await round_trips(self.wires, EVENT, seconds, latencies, judge=judge)
        tally.seconds = perf_counter() - begun
        tally.taken["category:list"].extend(latencies)
        return tally

    def leave(self) -> None:
        for wire in self.wires:
            wire.close()
        for connection in self.rest:
            connection.close()


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, connections: int = CONNECTIONS) -> Report:
    report = Report(f"Workers: two server processes beside one, {connections} connections, an action without a database")
    async with product(workers=(1, 2)) as made:
        sides = [Side(name, made, server) for name, server in zip(("one process", "two processes"), made.servers, strict=True)]
        for side in sides:
            await side.connect(connections)
        await asyncio.sleep(0.5)
        for _ in range(rounds):
            for side in sides:
                for way in WAYS:
                    await side.measure(way, seconds)
        for side in sides:
            side.leave()
    single, double = sides
    report.add(Figure(f"{ROUTE} a second", double.rates["REST"], single.rates["REST"], "one process", "", at_least=1.6))
    report.add(Figure("category:list a second", double.rates["events"], single.rates["events"], "one process", ""))
    for way in WAYS:
        for side in sides:
            report.took(f"{way}, {side.name}", side.taken[way])
            report.note(f"CPU of {way}, {side.name}, in shares of one core: {side.spent[way]}.")
    for side in sides:
        if side.refused:
            report.fail(f"{side.name} refused {side.refused}")
    return report
