"""People at the demo client: some by its core, one at the terminal app, driven by keys."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from client_demo.app import SwaploopApp
from client_demo.connection import Person
from client_demo.market_screen import MarketScreen
from client_demo.patience import Patience
from client_demo.wire import Data

PASSWORD = "a long enough password"
QUICK = Patience(connect_seconds=2.0, answer_seconds=0.5, call_seconds_max=8.0)


class Market(Protocol):
    """Where a server is; the fixture's, or a `Wire` to it."""

    url: str


OpenMarket = Callable[..., AbstractAsyncContextManager[Market]]


class Wire:
    """A real TCP hop between a client and the server, which can be cut, or made to swallow what comes back."""

    def __init__(self) -> None:
        self.url = ""
        self.swallows = False
        self.closed = False  # to newcomers
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator["Wire"]:
        wire, target = cls(), urlsplit(url)

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool) -> None:
            try:
                while data := await reader.read(65_536):
                    if not (back and wire.swallows):
                        writer.write(data)
            except OSError:
                pass
            finally:
                writer.close()
                wire._writers.discard(writer)

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if wire.closed:
                writer.transport.abort()
                return
            far_reader, far_writer = await asyncio.open_connection(target.hostname, target.port)
            wire._writers |= {writer, far_writer}
            await asyncio.gather(carry(reader, far_writer, False), carry(far_reader, writer, True))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield wire
        finally:
            server.close()
            wire.cut()


@asynccontextmanager
async def someone(market: Market, name: str, url: str | None = None) -> AsyncIterator[Person]:
    """A freshly registered person, online; by way of `url` where it is given."""
    email = f"{name.lower()}.{uuid4().hex[:12]}@example.org"
    async with Person(url or market.url, patience=QUICK) as person:
        await person.register(name, email, PASSWORD)
        await person.sign_in(email, PASSWORD)
        await person.connect()
        yield person


async def lists(person: Person, title: str, category: str = "books", **more: Any) -> Data:
    facts = {"description": "", "category": category, "condition": "GOOD", "lookingFor": "flexible"}
    item: Data = await person.does("item:create", title=title, **(facts | more))
    return item


def named(person: str | None) -> str:
    """A name for a person who is known by id only."""
    return (person or "nobody").title()


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str, within_seconds: float = 40.0) -> None:
    """Let the app work until `condition` holds."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"never came: {what}\n{screen_text(pilot.app)}"
        await asyncio.sleep(0.02)
    await pilot.pause(0)  # so that what the app has begun for it is done as well


async def seen_on(pilot: Pilot[None], terminals: Sequence[tuple[int, int]], condition: Callable[[], bool], what: str) -> None:
    """Let the app work until `condition` holds, on a terminal of each of these sizes."""
    now = pilot.app.size
    for size in sorted(terminals, key=lambda size: size != (now.width, now.height)):  # as it is now, first
        if pilot.app.size != size:
            await pilot.resize_terminal(*size)
        await until(pilot, condition, f"{what}, at {size[0]} × {size[1]}")


def screen_text(app: App[None]) -> str:
    """What stands on the screen, as text."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


@asynccontextmanager
async def app_of(market: Market, name: str, size: tuple[int, int]) -> AsyncIterator[Pilot[None]]:
    """The app at a terminal of that size, somebody new registered through its form and signed in."""
    app = SwaploopApp(market.url, None)
    app.animation_level = "none"  # each key would wait for what still moves
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("ctrl+n")
        for field, value in (("name", name), ("email", f"{uuid4().hex[:12]}@example.org"), ("password", PASSWORD)):
            app.screen.query_one(f"#{field}", Input).value = value
        app.screen.query_one("#go", Button).press()
        await until(pilot, lambda: isinstance(app.screen, MarketScreen), "the market")
        await until(pilot, lambda: "online" in screen_text(app), "online")
        await until(pilot, lambda: bool(app.desk.categories), "the categories")
        yield pilot


def app_in(pilot: Pilot[None]) -> SwaploopApp:
    assert isinstance(pilot.app, SwaploopApp)
    return pilot.app


async def adds_item(pilot: Pilot[None], title: str, picture: str = "") -> None:
    app = app_in(pilot)
    await pilot.press("2", "a")
    await until(pilot, lambda: bool(app.screen.query("#title")), "the form")
    app.screen.query_one("#title", Input).value = title
    app.screen.query_one("#category", Select).value = "books"
    app.screen.query_one("#picture", Input).value = picture
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(app.screen, MarketScreen), "the form closed")
    await until(pilot, lambda: title in screen_text(app), f"{title} among my things")
