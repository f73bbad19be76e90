"""People as they are, on one process: they browse, read, write, mark, type and trade, and think in between.

Beside it, what is left of the same load where there is nothing to do: a bare python-socketio echo, with as many connections
and as much thinking.
"""

from client_demo.load.connecting import ignore
from client_demo.load.mixed import Crowd, thoughtful_round_trips
from client_demo.load.quantiles import Quantiles
from client_demo.load.wire import Server as Place
from client_demo.load.wire import connect
from tests.bench import processes
from tests.bench.events import EVENT
from tests.bench.report import Figure, Report
from tests.bench.servers import product, serving
from tests.bench.stocked import people_of, stocked

ITEMS = 20_000
PEOPLE = 300
THINK_SECONDS = 1.0
SECONDS = 15.0
MB = 1_000_000


async def run(
    items: int = ITEMS, people: int = PEOPLE, seconds: float = SECONDS, think_seconds: float = THINK_SECONDS
) -> Report:
    report = Report(f"Mixed: {people} people in a market of {items:,} items, who think for {think_seconds:g} s on average")
    async with product(durable=True, before=stocked(items)) as made, serving("tests.bench.echo_server") as echo:
        wires = await connect(echo.port, [{}] * people, ignore)
        floor = Quantiles.of(await thoughtful_round_trips(wires, EVENT, seconds / 2, think_seconds))
        for wire in wires:
            wire.close()
        auths = [made.server.auth(one.id) for one in await people_of(made.database_url, people)]
        crowd = await Crowd.gather(Place(made.server.port), auths)
        before = made.spent()
        await crowd.live(seconds, think_seconds)
        spent = made.spent().since(before)
        memory = {
            "server": made.server.memory_bytes(),
            "PostgreSQL": processes.family_bytes(made.postgres.pid),
            "Valkey": processes.family_bytes(made.valkey.pid),
        }
        unheard = await crowd.unheard()
        await crowd.leave()
    tally = crowd.tally
    for action, taken in sorted(tally.taken.items(), key=lambda pair: -len(pair[1])):
        report.took(action, taken)
    all_of_them = Quantiles.of(tally.everything)
    for name, value, floored in zip(Quantiles._fields, all_of_them, floor, strict=True):
        if name != "p90":
            report.add(Figure(f"{name} of an action", [value], [floored], "echo"))
    report.note(f"{tally.rate:,.0f} actions a second; none is refused, and no push of a message is missing.")
    report.note(f"CPU, in shares of one core: {spent}.")
    report.note("Memory: " + ", ".join(f"{name} {size / MB:,.0f} MB" for name, size in memory.items()) + ".")
    if tally.refused:
        report.fail(f"refused: {dict(tally.refused)}")
    if unheard:
        report.fail(f"{unheard} pushes of messages did not come")
    return report
