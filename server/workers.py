"""Several server processes on one machine: they share the port, and one process, which serves nobody, looks after them.

The kernel gives each new connection to one of them. A worker that dies is started again; one that dies again and again, after
growing waits. The kernel kills them all when the one who looks after them dies, however that happens.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
import structlog

from server.config import Config
from server.embedded.supervisor import with_our_death
from server.greeting import cannot_listen, cannot_reach_database, greet
from server.orders import VARIABLE, Orders, Place
from server.process import Tend, stop_asked, tend_until
from server.stopping import until_done
from storage.migrate import migrate

log = structlog.get_logger()

ROOT = Path(__file__).parent.parent
STOP_SECONDS_MAX = 20.0  # a worker that takes longer is killed
STEADY_SECONDS = 10.0  # one that has lived so long is started again at once
WAIT_SECONDS, WAIT_SECONDS_MAX = 0.1, 5.0
EXIT_SECONDS_MAX = 1.0


class Worker:
    """One of them: `keep` has it run, `stop` ends it."""

    def __init__(self, place: Place, settings: Mapping[str, str], *, demo: bool) -> None:
        self._place = place
        self._settings = settings
        self._demo = demo
        self._process: subprocess.Popen[bytes] | None = None
        self.serves = asyncio.Event()
        self.people: list[str] = []

    async def keep(self) -> None:
        """Start it, and again whenever it has died, until cancelled."""
        wait_seconds = WAIT_SECONDS
        while True:
            begun = time.monotonic()
            try:
                code: int | str = await self._live()
            except OSError as error:
                code = str(error)
            wait_seconds = WAIT_SECONDS if time.monotonic() - begun > STEADY_SECONDS else wait_seconds
            log.warning("worker.ended", worker=self._place.number, code=code, again_in_seconds=wait_seconds)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, WAIT_SECONDS_MAX)

    async def _live(self) -> int:
        """Start it, hear what it has to tell, and return its exit code once it has died. Raises OSError."""
        reader, telling = await self._start()
        try:
            if line := await reader.readline():
                self.people = msgspec.json.decode(line, type=list[str])
                self.serves.set()
                log.info("worker.serves", worker=self._place.number, process=self._process.pid if self._process else None)
            await reader.read()  # the kernel closes its end when it dies
        finally:
            telling.close()
        assert self._process is not None, "it has been started"
        if not await until_done(self._dead, EXIT_SECONDS_MAX):
            self._process.kill()
        return self._process.wait()

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
        read, write = os.pipe()
        reader = asyncio.StreamReader()
        telling, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb")
        )
        orders = Orders(self._place, write, self._demo)
        try:
            # A session of its own, so that Ctrl-C reaches us alone, and we stop them all in order.
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it is to be the child of this thread, and forks in no time
                [sys.executable, "-P", "-m", "server.serving"],
                env={**self._settings, VARIABLE: msgspec.json.encode(orders).decode()},
                stdin=subprocess.DEVNULL,
                pass_fds=[write],
                start_new_session=True,
                preexec_fn=with_our_death(signal.SIGKILL),  # noqa: PLW1509
            )
        except BaseException:
            telling.close()
            raise
        finally:
            os.close(write)
        return reader, telling

    def _dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    async def stop(self) -> None:
        """Ask it to stop, and wait until it is gone."""
        if self._process is not None and not self._dead():
            self._process.terminate()
            if not await until_done(self._dead, STOP_SECONDS_MAX):
                log.error("worker.killed", worker=self._place.number)
                self._process.kill()
                self._process.wait()


async def serve_by_workers(config: Config, database_url: str, redis_url: str, tend: Tend, *, demo: bool) -> None:
    """Have `config.workers` processes serve until SIGINT or SIGTERM; then they finish what is under way, and end.

    To be called in the main thread: the kernel ends the workers with the thread that started them.
    """
    stop = stop_asked()
    try:
        await migrate(database_url)
    except OSError as error:
        raise cannot_reach_database(error) from None
    with reserved(config) as port, tempfile.TemporaryDirectory(prefix="swaploop-workers-") as folder:
        settings = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PORT": str(port),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),  # our own code
        }
        places = [Place(number, config.workers, folder) for number in range(1, config.workers + 1)]
        workers = [Worker(place, settings, demo=demo and place.number == 1) for place in places]
        keeping: list[asyncio.Task[None]] = []
        try:
            # The demo market is loaded by the first, before the others begin
            for some in (workers[:1], workers[1:]) if demo else (workers,):
                keeping += [asyncio.create_task(worker.keep()) for worker in some]
                await tend_until(stop, tend, or_all=[worker.serves for worker in some])
            if not stop.is_set():
                greet(config, port, workers[0].people)
            await tend_until(stop, tend)
            click.echo("Stopping …", err=True)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await asyncio.gather(*(worker.stop() for worker in workers))


@contextmanager
def reserved(config: Config) -> Iterator[int]:
    """Keep HOST:PORT for our workers, who can share it, while nobody else can have it; the port, where 0 was asked for.

    Raises a sentence for the terminal where somebody has it.
    """
    port = config.port
    with contextlib.ExitStack() as stack:
        try:
            for family, kind, protocol, _, address in socket.getaddrinfo(
                config.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                kept = stack.enter_context(socket.socket(family, kind, protocol))
                if family == socket.AF_INET6:
                    kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may linger
                kept.bind((address[0], port, *address[2:]))
                # Only now, so that a port which others share is not ours; and nobody who does not share gets it from now on.
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                port = kept.getsockname()[1]
        except OSError as error:
            raise cannot_listen(config, error) from None
        yield port
