"""An event through our door whose action does nothing, beside a bare python-socketio echo: how many a second, and CPU of each.

Ours signs its sockets in, checks the payload, counts, measures and logs each event, and answers the contract's envelope; rate
limits are off. The two take turns, each in a process of its own, with the same client.
"""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from client_demo.load.quantiles import Quantiles
from client_demo.load.wire import Wire, connect, round_trips
from handlers.tokens import Tokens
from server.embedded import EmbeddedValkey
from tests.bench.echo_server import FastJson
from tests.bench.floors import fresh_database
from tests.bench.report import Figure, Report

# 190 bytes with its name and number
EVENT = b'421["bench:nothing",{"text":"%s","number":12345,"flags":[true,false,true]}]' % (b"x" * 116)
SECONDS = 4.0
ROUNDS = 3
CONNECTIONS = (50, 500)


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that listens."""

    pid: int
    port: int
    secret: str

    def auth(self) -> dict[str, str]:
        """The sign-in of somebody whom nobody knows; a token is all that a socket needs."""
        return {"token": Tokens(self.secret, timedelta(hours=1)).issue(uuid4(), uuid4())}

    def cpu_seconds(self) -> float:
        """Of all its threads, by the nanosecond."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory_bytes(self) -> int:
        """What is its own: resident, and not shared with other processes."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


@asynccontextmanager
async def serving(module: str, **settings: str) -> AsyncIterator[Server]:
    """`python -m MODULE`; its log goes to a file, which is thrown away."""
    secret = secrets.token_urlsafe(48)
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder, (Path(folder) / "log").open("w") as written:
        environment = {**os.environ, "PORT": "0", "DATA_DIR": folder, "RATE_LIMITS": "off", "SECRET_KEY": secret} | settings
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
            env=environment,
        )
        try:
            assert process.stdout is not None, "it is a pipe"
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            if not line.strip().isdigit():
                raise RuntimeError(f"the server did not start: {(Path(folder) / 'log').read_text()[-2000:]}")
            yield Server(process.pid, int(line), secret)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def ours(**settings: str) -> AsyncIterator[Server]:
    """The product, on a PostgreSQL and a Valkey of its own."""
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, Valkey runs as another user, who has to get here
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            async with (
                fresh_database() as database_url,
                serving("tests.bench.no_op_server", DATABASE_URL=database_url, REDIS_URL=valkey.url, **settings) as server,
            ):
                yield server
        finally:
            valkey.stop()


@dataclass(slots=True)
class Side:
    """What was measured of one of the two: events a second, CPU seconds an event, and how long each took; per round."""

    rates: list[float]
    cpu: list[float]
    p99: list[float]


async def measure(server: Server, wires: list[Wire], seconds: float, side: Side) -> None:
    latencies: list[float] = []
    cpu, begun = server.cpu_seconds(), perf_counter()
    count = await round_trips(wires, EVENT, seconds, latencies)
    taken = perf_counter() - begun
    side.rates.append(count / taken)
    side.cpu.append((server.cpu_seconds() - cpu) / count)
    side.p99.append(Quantiles.of(latencies).p99)


def ignore(_: Wire, __: bytes) -> None:
    pass


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS) -> Report:
    report = Report("Events: a no-op action through our door, beside a bare python-socketio echo")
    report.note(
        f"The echo encodes with {FastJson.name}; both on uvloop, WebSocket only, {len(EVENT)} bytes an event, rate limits off."
    )
    async with ours() as product, serving("tests.bench.echo_server") as echo:
        for count in connections:
            mine, bare = Side([], [], []), Side([], [], [])
            our_wires = await connect(product.port, [product.auth() for _ in range(count)], ignore)
            their_wires = await connect(echo.port, [{}] * count, ignore)
            await asyncio.sleep(0.5)
            for _ in range(rounds):
                await measure(echo, their_wires, seconds, bare)
                await measure(product, our_wires, seconds, mine)
            for wire in (*our_wires, *their_wires):
                wire.close()
            at = f"{count} connections"
            report.add(Figure(f"events a second, {at}", mine.rates, bare.rates, "echo", "", at_least=1.0))
            report.add(Figure(f"CPU of the server an event, {at}", mine.cpu, bare.cpu, "echo", "µs"))
            report.add(Figure(f"p99 of an event, {at}", mine.p99, bare.p99, "echo"))
    return report
