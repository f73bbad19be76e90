"""Two processes beside one, where the database is not the limit: `category:list`, which takes none of it.

The machine's cores are the load client's, too. So the action is the product's own that works the most and asks nobody (it
answers with all categories), and the client looks at no more than the beginning of an answer; what each took is told.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter

from client_demo.load.connecting import ignore
from client_demo.load.wire import Wire, connect, round_trips
from tests.bench.report import Figure, Report
from tests.bench.servers import Product, Spent, product

EVENT = b'421["category:list",{}]'
SECONDS = 4.0
ROUNDS = 3
CONNECTIONS = 100


async def connected(made: Product, connections: int) -> list[Wire]:
    """The connections, shared by the processes."""
    each = connections // len(made.servers)
    return [
        wire for server in made.servers for wire in await connect(server.port, [server.auth() for _ in range(each)], ignore)
    ]


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, connections: int = CONNECTIONS) -> Report:
    report = Report(f"Workers: two server processes beside one, {connections} connections, an action without a database")
    async with product() as one, product(count=2) as two:
        wires = {made: await connected(made, connections) for made in (one, two)}
        await asyncio.sleep(0.5)
        rates: dict[Product, list[float]] = {one: [], two: []}
        latencies: dict[Product, list[float]] = {one: [], two: []}
        shares: dict[Product, Spent] = {}
        refused: list[bytes] = []
        for _ in range(rounds):
            for made in (one, two):
                before, begun = made.spent(), perf_counter()
                count = await round_trips(wires[made], EVENT, seconds, latencies[made], judge=_judge(refused))
                rates[made].append(count / (perf_counter() - begun))
                shares[made] = made.spent().since(before)
        for wire in (*wires[one], *wires[two]):
            wire.close()
    report.add(Figure("events a second, two processes", rates[two], rates[one], "one", "", at_least=1.6))
    for name, made in (("one process", one), ("two processes", two)):
        report.took(name, latencies[made])
        report.note(f"CPU of {name}, in shares of one core: {shares[made]}.")
    if refused:
        report.fail(f"{len(refused)} were refused: {refused[0]!r}")
    return report


def _judge(refused: list[bytes]) -> Callable[[bytes], None]:
    def judge(answer: bytes) -> None:
        if not answer.startswith(b'431[{"success":true'):
            refused.append(answer)

    return judge
