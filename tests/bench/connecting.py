"""People who connect and sign in, and leave at once: how many a second, beside what does not know who they are.

A bare python-socketio server that lets everybody in, and a bare WebSocket. Ours reads the token, enters the person's room, and
tells Redis that they are here, and that they left.
"""

from dataclasses import dataclass, field

from client_demo.load.connecting import CONNECT, connecting
from client_demo.load.wire import BareWire, Wire
from client_demo.load.wire import Server as Place
from tests.bench.report import Figure, Report
from tests.bench.servers import Server, ours, serving

SECONDS = 2.0
ROUNDS = 3
AT_ONCE = 50
PEOPLE = 1_000


@dataclass(slots=True)
class Side:
    """One of those compared, and what was measured: connections a second, CPU seconds a connection; per round."""

    name: str
    server: Server
    auths: list[object]
    kind: type[Wire] = Wire
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    broken: int = 0

    async def measure(self, seconds: float, at_once: int) -> None:
        cpu = self.server.cpu_seconds()
        tally = await connecting(Place(self.server.port), self.auths, seconds, at_once, self.kind)
        self.rates.append(tally.rate)
        self.cpu.append((self.server.cpu_seconds() - cpu) / tally.count)
        self.taken += tally.taken[CONNECT]
        self.broken += tally.refused.total()


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, at_once: int = AT_ONCE, people: int = PEOPLE) -> Report:
    report = Report(f"Connecting: {at_once} at once connect, sign in and leave, again and again")
    async with (
        ours() as product,
        serving("tests.bench.echo_server") as echo_server,
        serving("tests.bench.bare_server") as bare_server,
    ):
        mine = Side("ours", product, [product.auth() for _ in range(people)])
        echo = Side("echo", echo_server, [{}])
        bare = Side("WebSocket", bare_server, [None], BareWire)
        for _ in range(rounds):
            for side in (bare, echo, mine):
                await side.measure(seconds, at_once)
    for side in (bare, echo, mine):
        report.took(side.name, side.taken)
        if side.broken:
            report.fail(f"{side.broken} connections to {side.name} were refused or broke")
    report.add(Figure("connections a second", mine.rates, echo.rates, "echo", ""))
    report.add(Figure("the same, without Socket.IO", mine.rates, bare.rates, "WebSocket", ""))
    report.add(Figure("CPU of the server, a connection", mine.cpu, echo.cpu, "echo", "µs"))
    return report
