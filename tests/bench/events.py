"""An event through our door whose action does nothing, beside a bare python-socketio echo: how many a second, and CPU of each.

Ours signs its sockets in, checks the payload, counts, measures and logs each event, and answers the contract's envelope; rate
limits are off. A bare WebSocket echo, without Socket.IO, is shown as well. They take turns, each in a process of its own, with
the same client.
"""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from client_demo.load.connecting import ignore
from client_demo.load.quantiles import Quantiles
from client_demo.load.wire import BareWire, Wire, connect, round_trips
from tests.bench.echo_server import FastJson
from tests.bench.report import Figure, Report
from tests.bench.servers import Server, ours, serving

# 190 bytes with its name and number
EVENT = b'421["bench:nothing",{"text":"%s","number":12345,"flags":[true,false,true]}]' % (b"x" * 116)
SECONDS = 2.0
ROUNDS = 3
CONNECTIONS = (50, 500)


@dataclass(slots=True)
class Side:
    """One of those compared, and what was measured: events a second, CPU seconds an event, and p99; per round."""

    name: str
    server: Server
    wires: list[Wire]
    answer: bytes = b"43"
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    async def measure(self, seconds: float) -> None:
        latencies: list[float] = []
        cpu, begun = self.server.cpu_seconds(), perf_counter()
        count = await round_trips(self.wires, EVENT, seconds, latencies, self.answer)
        taken = perf_counter() - begun
        self.rates.append(count / taken)
        self.cpu.append((self.server.cpu_seconds() - cpu) / count)
        self.p99.append(Quantiles.of(latencies).p99)
        self.latencies += latencies


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS) -> Report:
    report = Report("Events: a no-op action through our door, beside a bare python-socketio echo")
    report.note(
        f"The echo encodes with {FastJson.name}; all on uvloop, WebSocket only, {len(EVENT)} bytes an event, rate limits off."
    )
    async with (
        ours() as product,
        serving("tests.bench.echo_server") as echo_server,
        serving("tests.bench.bare_server") as bare_server,
    ):
        for count in connections:
            mine = Side("ours", product, await connect(product.port, [product.auth() for _ in range(count)], ignore))
            echo = Side("echo", echo_server, await connect(echo_server.port, [{}] * count, ignore))
            nothing = [None] * count
            bare = Side("WebSocket", bare_server, await connect(bare_server.port, nothing, ignore, BareWire), EVENT[:2])
            await asyncio.sleep(0.5)
            sides = (bare, echo, mine)
            for _ in range(rounds):
                for side in sides:
                    await side.measure(seconds)
            at = f"{count} connections"
            for side in sides:
                report.took(f"{side.name}, {at}", side.latencies)
                for wire in side.wires:
                    wire.close()
            report.add(Figure(f"events a second, {at}", mine.rates, echo.rates, "echo", "", at_least=1.0))
            report.add(Figure(f"the same, without Socket.IO, {at}", mine.rates, bare.rates, "WebSocket", ""))
            report.add(Figure(f"CPU of the server an event, {at}", mine.cpu, echo.cpu, "echo", "µs"))
            report.add(Figure(f"p99 of an event, {at}", mine.p99, echo.p99, "echo"))
    return report
