"""Several processes on one port: what one of them does counts at all of them, and one that dies is missed by nobody.

`swaploop serve` with WORKERS=2 on its own PostgreSQL and Valkey. Which worker a connection reaches is chance; /healthz says
which, and a connection stays where it is.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import socketio

from server.metrics import labelled, merged
from tests.people import Cast, Person
from tests.processes import Server, own_directory, processes_on, serving, started
from tests.trading import Trade, hears_of, refused, trade_between
from tests.waiting import until, until_answered

SECONDS_MAX = 20.0  # until a worker that was killed serves again, on a busy machine


class AtWorker(Cast):
    """A cast whose every request and socket reaches one worker: each goes over a connection that is known to be there."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url)
        self.number = number
        self._sessions: list[aiohttp.ClientSession] = []

    async def open(self) -> "AtWorker":
        self._session = await self.connection()
        return self

    async def connection(self) -> aiohttp.ClientSession:
        """A session with one connection, to this worker."""
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=60))
            async with session.get(self.url + "/healthz") as answer:
                if (await answer.json())["worker"] == self.number:
                    self._sessions.append(session)
                    return session
            await session.close()
        raise AssertionError(f"no connection came to worker {self.number}")

    async def close(self) -> None:
        await super().close()
        for session in self._sessions:
            await session.close()


class Device(Person):
    """Somebody whose sockets are at their cast's worker."""

    async def connect(self, token: str | None = None) -> socketio.AsyncClient:
        assert isinstance(self.cast, AtWorker)
        client = socketio.AsyncClient(reconnection=False, http_session=await self.cast.connection())

        async def hear(event: str, body: Any = None) -> None:
            self.heard.append((event, body))
            self._news.set()

        client.on("*", hear)
        await client.connect(self.cast.url, auth={"token": token or self.token}, transports=["websocket"], wait_timeout=10)
        self.sockets.append(client)
        return client


@dataclass(slots=True)
class Site:
    """A server in two workers, with Alice at the first and Bob at the second, in a trade."""

    server: Server
    data_dir: Path
    first: AtWorker
    second: AtWorker
    alice: Device
    bob: Device
    trade: Trade

    @property
    def conversation(self) -> str:
        return str(self.trade["conversation"])

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        (socket,) = self.data_dir.glob("postgres-*/.s.PGSQL.5432")
        connection = await asyncpg.connect(f"postgresql://postgres@/postgres?host={socket.parent}&port=5432")
        try:
            yield connection
        finally:
            await connection.close()

    async def metrics(self, cast: Cast) -> str:
        async with cast.session.get(cast.url + "/metrics") as answer:
            return await answer.text()

    async def process_of(self, cast: AtWorker) -> int:
        """The process id of this cast's worker."""
        (found,) = [pid for pid in workers_of(self.server) if f'"number":{cast.number}' in orders_of(pid)]
        return found


def workers_of(server: Server) -> list[int]:
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [pid for pid in children if b"server.serving" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def orders_of(pid: int) -> str:
    found = re.search(rb"SWAPLOOP_WORKER=([^\0]*)", Path(f"/proc/{pid}/environ").read_bytes())
    assert found is not None
    return found[1].decode()


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def device(person: Person, cast: AtWorker) -> Device:
    made = Device(cast, person.name, person.email)
    made.id, made.token, made.refresh_token = person.id, person.token, person.refresh_token
    await made.connect()
    return made


@asynccontextmanager
async def site_of(**settings: str) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(own_directory("workers"))
        server = await stack.enter_async_context(serving(folder, WORKERS="2", **settings))
        first, second = await AtWorker(server.url, 1).open(), await AtWorker(server.url, 2).open()
        alice, bob = await device(await first.person("Alice"), first), await device(await second.person("Bob"), second)
        for each in (first.close, second.close, alice.leaves, bob.leaves):
            stack.push_async_callback(each)
        yield Site(server, folder, first, second, alice, bob, await trade_between(alice, bob))


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Site]:
    async with site_of(RATE_LIMITS="on") as site:
        yield site


async def says(person: Person, site: Site, text: str) -> Any:
    return await person.does("message:send", conversationId=site.conversation, text=text, clientMessageId=text)


async def test_people_at_different_workers_hear_each_other_in_order(site: Site) -> None:
    async def talks(person: Person) -> None:
        for number in range(20):
            await says(person, site, f"{person.name} {number}")

    last_seq = (await site.alice.does("conversation:get", conversationId=site.conversation))["lastSeq"]
    await asyncio.gather(talks(site.alice), talks(site.bob))
    for person in (site.alice, site.bob):
        await until(lambda person=person: len(said_to(person)) >= 40, what="hearing all of it")  # type: ignore[misc]
        assert said_to(person)[:40] == list(range(last_seq + 1, last_seq + 41))

    await site.bob.does("message:read", conversationId=site.conversation)
    read = await site.alice.hears("message:read", lambda mark: bool(mark["userId"] == site.bob.id))
    assert read["seq"] == last_seq + 40
    await site.bob.does("typing", conversationId=site.conversation, typing=True)
    assert (await site.alice.hears("typing"))["userId"] == site.bob.id


def said_to(person: Person) -> list[int]:
    return [body["seq"] for event, body in person.heard if event == "message:new"]


async def test_presence_is_seen_from_the_other_worker(site: Site) -> None:
    carol = await site.second.person("Carol")
    await trade_between(site.alice, carol)
    watched = await site.alice.does("presence:watch", userIds=[carol.id])
    assert watched[carol.id]["online"] is False
    here = await device(carol, site.second)
    await site.alice.hears("presence:changed", lambda now: bool(now["userId"] == carol.id and now["online"]))
    await here.leaves()
    await site.alice.hears("presence:changed", lambda now: bool(now["userId"] == carol.id and not now["online"]), 15.0)


async def test_a_session_that_is_ended_through_one_worker_ends_its_socket_on_the_other_within_five_seconds(site: Site) -> None:
    dave = await site.first.person("Dave")
    there = await device(dave, site.second)
    begun = time.monotonic()
    await site.first.call("POST", "/auth/logout", {"refreshToken": dave.refresh_token})
    await there.hears("session:ended", seconds=5.0)
    await until(lambda: not there.sockets[0].connected, 5.0 - (time.monotonic() - begun), what="the end of the socket")
    at_second = Person(site.second, dave.name, dave.email)
    at_second.token = dave.token
    await refused(at_second.asks("GET", "/auth/me"), "UNAUTHENTICATED")


async def test_rate_limits_count_across_workers(site: Site) -> None:
    erin = await site.first.person("Erin")
    left = []
    for cast in (site.first, site.second, site.first, site.second):
        _, _, headers = await cast.answer("GET", "/auth/me", token=erin.token)
        left.append(int(headers["RateLimit-Remaining"]))
    assert left == list(range(left[0], left[0] - 4, -1))


async def test_a_deal_expires_once_whoever_sweeps(site: Site) -> None:
    """One notification each, one mail each, one push each"""
    frank = await device(await site.first.person("Frank"), site.first)
    gina = await device(await site.second.person("Gina"), site.second)
    trades = [await trade_between(frank, gina) for _ in range(5)]
    async with site.sql() as connection:
        await connection.execute(
            "UPDATE deals SET created_at = now() - interval '8 days', expires_at = now() - interval '1 s' WHERE id = ANY($1)",
            [trade["id"] for trade in trades],
        )
    for person in (frank, gina):
        for trade in trades:
            await hears_of(person, trade, "expire")
    await until_answered(lambda: nothing_waits(site), what="mailing and pushing")
    await asyncio.sleep(1.5)  # another round of every sweep
    for person in (frank, gina):
        pushes = [body for event, body in person.heard if event == "trade:changed" and body["change"]["move"] == "expire"]
        assert sorted(push["trade"]["id"] for push in pushes) == sorted(trade["id"] for trade in trades)
        notices = (await person.does("notification:list", limit=100))["items"]
        assert sorted(each["deal"]["id"] for each in notices if each["kind"] == "expired") == sorted(t["id"] for t in trades)
        letters = [file.read_bytes() for file in site.data_dir.glob("mail/*.eml")]
        theirs = [message_from_bytes(letter, policy=default) for letter in letters if person.email.encode() in letter]
        assert sum('switch "expired" off' in letter.get_content() for letter in theirs) == len(trades)


async def nothing_waits(site: Site) -> bool:
    async with site.sql() as connection:
        return not await connection.fetchval("SELECT (SELECT count(*) FROM mails) + (SELECT count(*) FROM outbox)")


async def test_what_is_listed_through_either_worker_is_matched_at_both(site: Site) -> None:
    here, there = await site.first.person("Hana"), await site.second.person("Ivan")
    mine = await here.lists("A lamp", category="furniture", estimatedValue=50)
    theirs = await there.lists("A chair", category="furniture", estimatedValue=50)
    for cast in (site.first, site.second):
        asking = Person(cast, here.name, here.email)
        asking.token = here.token
        found = await asking.by_rest("barter:matches", itemId=mine)
        assert theirs in str(found)


async def test_metrics_are_of_all_workers_whichever_is_asked(site: Site) -> None:
    for cast in (site.first, site.second):
        text = await site.metrics(cast)
        assert set(re.findall(r'^swaploop_sockets\{worker="(\d)"\}', text, re.M)) == {"1", "2"}
        assert re.search(r'^swaploop_action_seconds_bucket\{worker="2",action="[\w:-]+",le="0.005"\} \d', text, re.M)
        names = re.findall(r"^# TYPE (\S+)", text, re.M)
        assert len(names) == len(set(names)), "all the lines of a metric stand together"


def test_a_label_is_added_and_families_are_merged() -> None:
    text = '# HELP a A {b} c\n# TYPE a gauge\na 1.0\na{x="1 {"} 2.0\n# HELP b B\n# TYPE b counter\nb_total 3.0\n'
    assert merged([labelled(text, 1), labelled(text, 2)]).splitlines() == [
        "# HELP a A {b} c",
        "# TYPE a gauge",
        'a{worker="1"} 1.0',
        'a{worker="1",x="1 {"} 2.0',
        'a{worker="2"} 1.0',
        'a{worker="2",x="1 {"} 2.0',
        "# HELP b B",
        "# TYPE b counter",
        'b_total{worker="1"} 3.0',
        'b_total{worker="2"} 3.0',
    ]


async def test_polling_is_not_offered(site: Site) -> None:
    async with site.first.session.get(site.first.url + "/socket.io/?EIO=4&transport=polling") as answer:
        assert answer.status == 400


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_port_that_others_share_is_not_shared_with_another_server(site: Site, workers: str, tmp_path: Path) -> None:
    port = site.server.url.rpartition(":")[2]
    stores = stores_of(site)
    async with started(tmp_path, "--no-demo", PORT=port, WORKERS=workers, **stores) as other:
        assert await other.ends() == 1
    assert other.said[-1].lower().startswith(f"error: the server cannot listen on 127.0.0.1:{port}: ")
    assert other.said[-1].lower().endswith("address already in use")


def stores_of(site: Site) -> dict[str, str]:
    (socket,) = site.data_dir.glob("postgres-*/.s.PGSQL.5432")
    return {
        "DATABASE_URL": f"postgresql://postgres@/postgres?host={socket.parent}&port=5432",
        "REDIS_URL": f"unix://{site.data_dir}/valkey/valkey.sock",
    }


async def test_a_worker_that_is_killed_is_started_again_while_the_other_serves(site: Site) -> None:
    killed = await site.process_of(site.second)
    conversation = site.conversation
    os.kill(killed, signal.SIGKILL)
    for number in range(20):  # by who was with the other one
        await site.alice.does("message:send", conversationId=conversation, text="On", clientMessageId=f"on-{number}")
    await until(lambda: not site.bob.sockets[0].connected, what="the end of the socket")
    await until(lambda: len(workers_of(site.server)) == 2, what="being started again")
    await until(lambda: any("worker.ended" in line and "worker=2" in line for line in site.server.said), what="the log's line")
    again = await AtWorker(site.server.url, 2).open()
    bob = await device(site.bob, again)
    missed = await bob.does("sync", since=None)
    (log,) = [each for each in missed["conversations"] if each["id"] == conversation]
    assert [entry["text"] for entry in log["entries"][-20:]] == ["On"] * 20
    said = await says(site.alice, site, "Are you back?")
    await bob.hears("message:new", lambda entry: bool(entry["seq"] == said["seq"]))
    text = await site.metrics(site.first)
    assert 'swaploop_sockets{worker="2"} 1.0' in text
    await bob.leaves()
    await again.close()


async def test_a_worker_that_is_stuck_is_left_out_of_the_metrics_and_counted(site: Site) -> None:
    stuck = await site.process_of(site.second)
    os.kill(stuck, signal.SIGSTOP)
    try:
        text = await site.metrics(site.first)
    finally:
        os.kill(stuck, signal.SIGCONT)
    assert set(re.findall(r'^swaploop_sockets\{worker="(\d)"\}', text, re.M)) == {"1"}
    assert re.search(r'^swaploop_workers_left_out_total\{worker="1"\} [1-9]', text, re.M)


async def test_when_the_one_who_looks_after_them_is_killed_nothing_is_left(site: Site) -> None:
    """The last test with this site"""
    workers = workers_of(site.server)
    assert len(workers) == 2
    await site.server.ends(signal.SIGKILL)
    await until(lambda: not any(alive(pid) for pid in workers), 5.0, what="the end of the workers")
    await until(lambda: not processes_on(site.data_dir), 20.0, what="the end of PostgreSQL and Valkey")


async def test_all_stop_when_the_one_who_looks_after_them_is_asked_to() -> None:
    """With the demo market, which is loaded once"""
    with own_directory("stop") as folder:
        async with started(folder, "--demo", WORKERS="2") as server:
            await server.serves()
            assert sum("serves at" in line for line in server.said) == 1
            assert any("mona@demo.swaploop.example" in line for line in server.said)
            workers = workers_of(server)
            assert len(workers) == 2
            async with server.cast() as cast:
                signed_in = {"email": "mona@demo.swaploop.example", "password": "swap-loop-demo"}
                mona = await cast.call("POST", "/auth/login", signed_in)
                items = await cast.call("GET", "/items", token=mona["accessToken"], query={"limit": "100"})
                titles = [item["title"] for item in items["items"]]
                assert titles
                assert len(titles) == len(set(titles))
            assert await server.ends(signal.SIGTERM) == 0
            assert not any(alive(pid) for pid in workers)
        assert processes_on(folder) == []
