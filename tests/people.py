"""People who act in tests, through either door, with plain clients: aiohttp and python-socketio."""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
import socketio

from handlers.action import ACTIONS, camel

Data = Any
NOBODYS_ID = "5f9a3c1e-7b2d-4e86-9c40-d1a2b3c4d5e6"  # the same in every run
PASSWORD = "correct horse battery staple"
ANSWER_SECONDS_MAX = 20.0
_numbers = itertools.count(1)


class Refused(Exception):
    """An action was refused. `body` is the whole answer, `status` its HTTP status (None by socket)."""

    def __init__(self, body: dict[str, Any], status: int | None) -> None:
        self.body = body
        self.status = status
        self.code: str = body["error"]["code"]
        self.field: str | None = body["error"].get("field")
        self.message: str = body["message"]
        super().__init__(f"{self.code}: {self.message} {body['error']}")


class Person:
    """Someone with an account. `does` acts by event, `posts` by REST; `heard` has every push, in order."""

    def __init__(self, cast: "Cast", name: str, email: str) -> None:
        self.cast = cast
        self.name = name
        self.email = email
        self.id = ""
        self.token = ""
        self.refresh_token = ""
        self.heard: list[tuple[str, Data]] = []
        self.sockets: list[socketio.AsyncClient] = []
        self._news = asyncio.Event()

    async def sign_in(self) -> Data:
        data = await self.cast.call("POST", "/auth/login", {"email": self.email, "password": PASSWORD})
        self.token, self.refresh_token = data["accessToken"], data["refreshToken"]
        return data

    async def connect(self, token: str | None = None) -> socketio.AsyncClient:
        """One more socket. All of a person's sockets write into `heard`."""
        client = socketio.AsyncClient(reconnection=False)

        async def hear(event: str, body: Data = None) -> None:
            self.heard.append((event, body))
            self._news.set()

        client.on("*", hear)
        await client.connect(self.cast.url, auth={"token": token or self.token}, transports=["websocket"], wait_timeout=10)
        self.sockets.append(client)
        return client

    async def answer(self, event: str, /, *, socket: socketio.AsyncClient | None = None, **payload: Data) -> Data:
        """The whole acknowledgement of an event."""
        if not self.sockets:
            await self.connect()
        return await (socket or self.sockets[-1]).call(event, payload, timeout=ANSWER_SECONDS_MAX)

    async def does(self, event: str, /, **payload: Data) -> Data:
        """`data` of an event's acknowledgement. Raises Refused."""
        body = await self.answer(event, **payload)
        if not body["success"]:
            raise Refused(body, None)
        return body["data"]

    async def asks(self, method: str, path: str, body: Data = None, **more: Data) -> Data:
        """`data` of a REST answer. Raises Refused."""
        return await self.cast.call(method, path, body, token=self.token, **more)

    async def by_rest(self, event: str, /, key: str | None = None, **payload: Data) -> Data:
        """The same action as `does`, by its REST route."""
        action = ACTIONS[event]
        assert action.path is not None, f"{event} has no route"
        path = action.path
        for name in [part[1:-1] for part in action.path.split("/") if part.startswith("{")]:
            path = path.replace(f"{{{name}}}", str(payload.pop(camel(name))))
        headers = {"Idempotency-Key": key} if key else {}
        if action.method in ("GET", "DELETE"):
            query = {name: str(value) for name, value in payload.items() if value is not None}
            return await self.asks(action.method, path, query=query, headers=headers)
        return await self.asks(action.method or "", path, payload, headers=headers)

    async def through(self, door: str, event: str, /, **payload: Data) -> Data:
        """`does` or `by_rest`: door is "socket" or "rest"."""
        return await (self.does(event, **payload) if door == "socket" else self.by_rest(event, **payload))

    async def hears(self, event: str, when: Callable[[Data], bool] = lambda _: True, seconds: float = 10.0) -> Data:
        """The first push of this kind, now or within `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            for name, body in self.heard:
                if name == event and when(body):
                    return body
            self._news.clear()
            left = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._news.wait(), max(left, 0))
            except TimeoutError:
                names = [name for name, _ in self.heard]
                raise AssertionError(f"{self.name} did not hear {event}; heard {names[-20:]}") from None

    async def lists(self, title: str = "A thing", **more: Data) -> str:
        """A new item's id."""
        item = {
            "title": title,
            "description": "As described.",
            "category": "electronics",
            "condition": "GOOD",
            "lookingFor": "item_swap",
        } | more
        return str((await self.asks("POST", "/items", item))["id"])

    async def leaves(self) -> None:
        for socket in self.sockets:
            await socket.disconnect()
        self.sockets.clear()


class Cast:
    """Makes people on one server, and calls its REST door."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: aiohttp.ClientSession | None = None
        self._people: list[Person] = []

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def person(self, name: str = "Alice", *, connected: bool = False) -> Person:
        """Someone new, registered and signed in."""
        person = Person(self, name, f"{name.lower().replace(' ', '.')}.{next(_numbers)}.{uuid4().hex[:6]}@example.org")
        account = {"name": name, "email": person.email, "password": PASSWORD}
        person.id = (await self.call("POST", "/auth/register", account))["user"]["id"]
        await person.sign_in()
        if connected:
            await person.connect()
        self._people.append(person)
        return person

    async def people(self, *names: str, connected: bool = False) -> list[Person]:
        return [await self.person(name, connected=connected) for name in names]

    async def answer(
        self,
        method: str,
        path: str,
        body: Data = None,
        *,
        token: str | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        prefix: str = "/api",
        **more: Data,
    ) -> tuple[int, Data, dict[str, str]]:
        """Status, body and headers of a REST request."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            more["json"] = body
        async with self.session.request(method, self.url + prefix + path, params=query, headers=sent, **more) as response:
            return response.status, await response.json(content_type=None), dict(response.headers)

    async def call(self, method: str, path: str, body: Data = None, **more: Data) -> Data:
        """`data` of a REST answer. Raises Refused."""
        status, answer, _ = await self.answer(method, path, body, **more)
        if not answer["success"]:
            raise Refused(answer, status)
        return answer["data"]

    async def close(self) -> None:
        for person in self._people:
            await person.leaves()
        if self._session is not None:
            await self._session.close()
