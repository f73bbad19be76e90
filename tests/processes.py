"""`swaploop serve` as a process of its own, as anybody would run it."""

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from server.embedded import supervisor
from tests.people import Cast

ROOT = Path(__file__).parent.parent
START_SECONDS_MAX = 30.0
SERVES = re.compile(r"serves at http://localhost:(\d+)")


class Server:
    """A process that was asked to serve; what it says is read as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.said: list[str] = []
        self._reading = asyncio.create_task(self._read())
        self._serves = asyncio.Event()

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            self.said.append(line.rstrip("\n"))
            if found := SERVES.search(line):
                self.url = f"http://127.0.0.1:{found[1]}"
                self._serves.set()

    async def serves(self) -> None:
        """Wait until it says so."""
        serves = asyncio.create_task(self._serves.wait())
        await asyncio.wait({serves, self._reading}, timeout=START_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
        serves.cancel()
        assert self.url, "\n".join(["it does not serve:", *self.said])

    async def ends(self, sent: signal.Signals | None = None) -> int:
        """Send it a signal; its exit code once it has ended."""
        if sent is not None:
            self.process.send_signal(sent)
        code = await asyncio.wait_for(self.process.wait(), START_SECONDS_MAX)
        await self._reading
        return code

    @asynccontextmanager
    async def cast(self) -> AsyncIterator[Cast]:
        cast = Cast(self.url)
        try:
            yield cast
        finally:
            await cast.close()


@asynccontextmanager
async def started(data_dir: Path, *options: str, **settings: str) -> AsyncIterator[Server]:
    """Any free port, rate limits off, if nothing else is said; killed at the end of the block if it has not ended by then."""
    ours = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATA_DIR": str(data_dir), "PORT": "0"}
    ours |= {"RATE_LIMITS": "off", "LOG_LEVEL": "warning"} | settings
    server = Server(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "server.cli", "serve", *options),
            cwd=data_dir,
            env=ours,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield server
    finally:
        if server.process.returncode is None:
            server.process.kill()
        await server.ends()


@asynccontextmanager
async def serving(data_dir: Path, **settings: str) -> AsyncIterator[Server]:
    """One that serves, without the demo market."""
    async with started(data_dir, "--no-demo", **settings) as server:
        await server.serves()
        yield server


@contextmanager
def own_directory(name: str) -> Iterator[Path]:
    """A directory that everybody may enter: pytest's own would be root's alone, when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix=f"swaploop-{name}-")).resolve()
    folder.chmod(0o755)
    yield folder
    assert supervisor.wait_until(lambda: not processes_on(folder), 20), "no PostgreSQL and no Valkey outlives its server"
    shutil.rmtree(folder)


def processes_on(data_dir: Path) -> list[int]:
    return [
        pid
        for program in ("postgres", "valkey-server")
        for folder in data_dir.iterdir()
        for pid in supervisor.survivors(program, folder)
    ]
