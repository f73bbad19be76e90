"""What Prometheus reads: of this process; or of all workers, whichever of them is asked.

Which worker a scrape reaches is chance, and each counts for itself: told of one at a time, every counter would jump back and
forth. So every worker also answers on a unix socket that only its siblings can reach; the one that is asked asks them all, and
puts each one's figures under its number.
"""

import asyncio

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from server.orders import Place
from server.sockets import SocketDoor

TASKS = Gauge("swaploop_tasks", "Tasks of the event loop: they must not grow with time")
SOCKETS = Gauge("swaploop_sockets", "Signed-in sockets")
LEFT_OUT = Counter("swaploop_workers_left_out", "Workers that did not tell their metrics in time, when this one was asked")

SIBLING_SECONDS_MAX = 1.0
FAMILY = "# HELP "


class Metrics:
    """The metrics of this process, and of its siblings if it has any."""

    def __init__(self, door: SocketDoor, place: Place | None) -> None:
        self._door = door
        self._place = place

    async def tell(self, _: web.Request) -> web.Response:
        """GET /metrics"""
        if self._place is None:
            return _response(self._own())
        numbers = range(1, self._place.workers + 1)
        others = await asyncio.gather(*(self._ask(number) for number in numbers if number != self._place.number))
        LEFT_OUT.inc(others.count(None))
        return _response(merged([labelled(self._own(), self._place.number), *(told for told in others if told is not None)]))

    async def tell_sibling(self, _: web.Request) -> web.Response:
        assert self._place is not None, "who has no place has no siblings"
        return _response(labelled(self._own(), self._place.number))

    def _own(self) -> str:
        TASKS.set(len(asyncio.all_tasks()))
        SOCKETS.set(len(self._door.sockets))
        return generate_latest().decode()

    async def _ask(self, number: int) -> str | None:
        """What a sibling tells; None where it does not in time: it is being started again, or its loop is stuck."""
        assert self._place is not None, "who has no place has no siblings"
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(str(self._place.socket(number))),
                    timeout=aiohttp.ClientTimeout(total=SIBLING_SECONDS_MAX),
                ) as session,
                session.get("http://worker/metrics") as response,
            ):
                return await response.text() if response.status == 200 else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None


def labelled(text: str, worker: int) -> str:
    """Metrics as Prometheus reads them, with one label more: the worker."""
    lines = []
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        if line.startswith("#"):
            lines.append(line)
        elif brace and " " not in name:
            lines.append(f'{name}{{worker="{worker}",{rest}')
        else:
            name, _, value = line.partition(" ")
            lines.append(f'{name}{{worker="{worker}"}} {value}')
    return "\n".join(lines) + "\n"


def merged(texts: list[str]) -> str:
    """Several processes' metrics as one text, in which all the lines of a metric stand together, as they must."""
    families: dict[str, list[str]] = {}
    for text in texts:
        for family in text.split(FAMILY)[1:]:
            told, kind, samples = family.split("\n", 2)
            families.setdefault(f"{told}\n{kind}", []).append(samples)
    return "".join(f"{FAMILY}{head}\n{''.join(samples)}" for head, samples in families.items())


def _response(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE_LATEST})
