"""One run: everything is started, people act while things fail, all of it heals, and the promises are counted."""

import asyncio
import contextlib
import logging
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import msgspec

from client_demo.connection import State
from server.logs import configure_logs
from tests.faults.checker import counted
from tests.faults.clock import Clock
from tests.faults.devices import Device
from tests.faults.evidence import Evidence, Finding, PresenceSeen
from tests.faults.history import History
from tests.faults.people import CATEGORIES, ITEMS_MAX, Somebody
from tests.faults.servers import Server
from tests.faults.site import Site, open_site
from tests.faults.visits import Visitor
from tests.faults.watch import Watch
from tests.faults.weather import HEALTHY_SECONDS_MAX, Weather
from tests.faults.world import World
from tests.promises import PROMISES

PASSWORD = "correct horse battery staple"
LOOK_SECONDS = 2.0
LAG_SECONDS = 0.1
SETTLE_SECONDS_MAX = 40.0
RAGED_SECONDS_MAX = 120.0
ITEMS_AT_FIRST = 2
VISITORS = 2
FADED_SECONDS_MAX = 60.0  # until nobody whose server was killed seems to be here (storage.presence.FADE_SECONDS)
ASKED_OF_PERSON_MAX = 100
WHOLE_SECONDS = 60.0
LONG_SECONDS = 300.0
DEVICES_PER_EXTRA = 5  # every fifth device is somebody's second one

# A transaction that is open is one that is open for long: the servers' own loops are at work all the time.
CONNECTIONS = """
    SELECT CASE WHEN state LIKE 'idle in transaction%' AND state_change > now() - interval '5 seconds' THEN 'active'
                ELSE state END AS state, count(*) AS n
      FROM pg_stat_activity WHERE application_name = 'swaploop' GROUP BY 1
"""
OVERDUE = """
    SELECT count(*) FROM deals
     WHERE status IN ('proposed', 'negotiating', 'countered') AND expires_at < now() + interval '10 seconds'
"""

QUEUES = ("outbox", "notification_outbox", "mails", "rematches")

# Who shares a conversation with whom
ACQUAINTED = """
    SELECT one.user_id AS person, array_agg(DISTINCT other.user_id) AS others
      FROM parties AS one JOIN parties AS other ON other.deal_id = one.deal_id AND other.user_id <> one.user_id
     GROUP BY one.user_id
"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    seconds: float = 90.0
    servers: int = 2
    workers: tuple[int, ...] = (1,)  # of each server; of the last ones as of the last that is named
    clients: int = 40
    broken: str | None = None
    folder: Path = Path("var/faults/run")  # for the history, the samples and the servers' logs
    watched: bool = False  # by a witness, in which nothing may grow

    @property
    def history(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def is_whole(self) -> bool:
        """Long enough for every promise to be put to the test."""
        return self.seconds >= WHOLE_SECONDS

    @property
    def is_long(self) -> bool:
        """Long enough also for those that take some minutes."""
        return self.seconds >= LONG_SECONDS

    def workers_of_each(self) -> list[int]:
        return [self.workers[min(place, len(self.workers) - 1)] for place in range(self.servers)]

    @property
    def arguments(self) -> str:
        """With which it is run again."""
        standard = Plan(self.seed)
        names = {"seconds": "--seconds", "servers": "--servers", "clients": "--clients", "broken": "--break"}
        said = [
            f"{option} {getattr(self, name)}"
            for name, option in names.items()
            if getattr(self, name) != getattr(standard, name)
        ]
        if self.workers != standard.workers:
            said.append(f"--workers {','.join(map(str, self.workers))}")
        return " ".join([f"--seed {self.seed}", *said])


@dataclass(frozen=True, slots=True)
class Outcome:
    plan: Plan
    findings: list[Finding]
    evidence: Evidence

    @property
    def broken(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.broken]

    @property
    def unseen(self) -> list[Finding]:
        """Promises that nothing put to the test."""
        return [finding for finding in self.findings if not finding.cases and not finding.broken]

    @property
    def missed(self) -> list[Finding]:
        """Promises that a run of this length should have put to the test."""
        return [one for one in self.unseen if self.plan.is_long or (self.plan.is_whole and not one.seldom)]

    @property
    def is_good(self) -> bool:
        return not self.broken and not self.missed


async def run(plan: Plan, say: Say) -> Outcome:
    """Raises nothing that a fault brings about: what went wrong is in the findings."""
    configure_logs("error", "console")
    logging.getLogger("client_demo").setLevel(logging.CRITICAL)  # that connections break is what this is about
    random.seed(plan.seed)
    clock = Clock()
    history = History(plan.history)
    history.note(seed=plan.seed, seconds=plan.seconds, servers=plan.servers, clients=plan.clients, broken=plan.broken)
    try:
        async with (
            open_site(
                plan.workers_of_each(),
                random.Random(f"{plan.seed} links"),
                clock,
                plan.broken,
                with_witness=plan.watched,
            ) as site,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            return await _Run(plan, site, http, clock, history, say).go()
    finally:
        history.close()


class _Run:
    def __init__(self, plan: Plan, site: Site, http: aiohttp.ClientSession, clock: Clock, history: History, say: Say) -> None:
        self.plan = plan
        self.site = site
        self.http = http
        self.clock = clock
        self.history = history
        self.say = say
        self.world = World()
        self.devices: list[Device] = []
        self.weather = Weather(site, history, random.Random(f"{plan.seed} weather"))
        self.evidence = Evidence(clock, history.calls, self.devices, self.weather, site.mailbox.letters)

    async def go(self) -> Outcome:
        self.evidence.servers = {server.url: server.number for server in self.site.servers}
        self.evidence.wellbeing.idle_before = await self._idle()
        self.evidence.wellbeing.has_workers = any(server.workers > 1 for server in self.site.servers)
        people = await self._people_arrive()
        self.say(f"{self.plan.servers} servers, {len(self.devices)} devices of {len({d.user for d in self.devices})} people")
        watching = [asyncio.create_task(self._look_now_and_then()), asyncio.create_task(self._watch_oneself())]
        if self.site.witness is not None:
            watch = Watch(self.site, self.site.witness, self.plan.folder / "samples.jsonl", self.plan.seconds)
            self.evidence.is_watched, self.evidence.samples = True, watch.samples
            watching.append(asyncio.create_task(watch.run()))
        try:
            await self._rage(people)
            await self._heal()
        finally:
            for task in watching:
                task.cancel()
            ended = await asyncio.gather(*watching, return_exceptions=True)
        stopped = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
        assert not stopped, f"who was to watch has stopped: {stopped}"
        async with self.site.sql() as sql:
            findings = await counted(self.evidence, sql)
        for device in self.devices:
            self.history.note(device=device.name, user=device.user, connections=device.connections, heard=device.heard)
        await self._see_presence()
        for device in self.devices:
            await device.person.close()
        await self._leave()
        async with self.site.sql() as sql:
            findings += await counted(self.evidence, sql, afterwards=True)
        return Outcome(self.plan, findings, self.evidence)

    async def _people_arrive(self) -> list[Somebody]:
        urls = [server.url for server in self.site.servers]
        limit = asyncio.Semaphore(8)
        emails: list[str] = []

        async def arrive(number: int) -> Device:
            device = Device(
                f"d{number}", urls, self.http, self.clock, self.history, self.world, f"{self.plan.seed} device {number}"
            )
            second = number % DEVICES_PER_EXTRA == 0
            email = emails[number - 2] if second else f"d{number}@example.org"
            async with limit:
                if not second:
                    await device.person.register(f"Person {number}", email, PASSWORD)
                await device.person.sign_in(email, PASSWORD)
                await device.person.connect()
            return device

        numbers = range(1, self.plan.clients + 1)
        emails = [f"d{number}@example.org" for number in numbers]
        first = [number for number in numbers if number % DEVICES_PER_EXTRA]
        self.devices += await asyncio.gather(*(arrive(number) for number in first))
        self.devices += await asyncio.gather(*(arrive(number) for number in numbers if not number % DEVICES_PER_EXTRA))
        people: list[Somebody] = []
        people += [Somebody(device, self.world, people) for device in self.devices]
        # A market that grows would look like a server that does: a long run begins with as many items as it ends with.
        for place in range(ITEMS_MAX // len(people) if self.plan.watched else ITEMS_AT_FIRST):
            await asyncio.gather(*(one.list_one((place + index) % len(CATEGORIES)) for index, one in enumerate(people)))
        return people

    async def _rage(self, people: list[Somebody]) -> None:
        done = asyncio.Event()
        acting = [asyncio.create_task(one.act_until(done)) for one in people]
        raging = asyncio.create_task(self.weather.rage(done))
        acting += [asyncio.create_task(one.visit_until(done)) for one in self._visitors()]
        await asyncio.wait([*acting, raging], timeout=self.plan.seconds, return_when=asyncio.FIRST_EXCEPTION)
        done.set()
        await asyncio.wait_for(raging, RAGED_SECONDS_MAX)  # a fault that does not end would be the only one from then on
        self.history.note(phase="nothing fails any more", at=self.clock.now())
        self.evidence.quiet_from = self.clock.now()
        for server in self.site.servers:
            for link in server.links:
                link.heal()
        healthy = asyncio.create_task(self.site.healthy_within(HEALTHY_SECONDS_MAX))
        await asyncio.gather(*acting)
        self.weather.recoveries.append(await healthy)
        if self.weather.recoveries[-1] is None:
            well = self.evidence.wellbeing
            well.unwell = [f"server {server.number}: {await server.health(self.site.http)}" for server in self.site.servers]

    def _visitors(self) -> list[Visitor]:
        emails = sorted({str(device.person.user["email"]) for device in self.devices})
        urls = [server.url for server in self.site.servers]
        visitors = [
            Visitor(emails, PASSWORD, urls, self.http, self.clock, self.history, f"{self.plan.seed} visitor {number}")
            for number in range(VISITORS)
        ]
        for visitor in visitors:
            visitor.visits = self.evidence.visits
        return visitors

    async def _heal(self) -> None:
        """Until everybody has caught up, and nothing is left to be delivered."""
        limit_at = self.clock.now() + SETTLE_SECONDS_MAX
        await asyncio.sleep(3.0)  # marks are written behind, and what was committed last is being told
        async with self.site.sql() as sql:
            # A letter whose server died while it had it is taken again when its lease has ended, or when its wait is over
            # after the mail server was away. Nobody waits for that here.
            left = ["nobody has looked yet"]
            while left and self.clock.now() < limit_at:
                await sql.execute("UPDATE mails SET due_at = now() WHERE due_at > now()")
                for _ in range(10):
                    if left := await self._unsettled(sql):
                        await asyncio.sleep(0.3)
        self.evidence.wellbeing.settled = left
        self.evidence.wellbeing.settled_of = len(QUEUES) + sum(len(device.entries) for device in self.devices)
        one_of_each = {device.user: device for device in self.devices}
        for device in one_of_each.values():
            self.evidence.final_lists.append(await device.act("conversation:list", limit=100))
        self.evidence.ended_at = self.clock.now()

    async def _unsettled(self, sql: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
        left = []
        for device in self.devices:
            if device.person.state is not State.ONLINE:
                left.append(f"{device.name} is {device.person.state}")
        for table in QUEUES:
            if count := await sql.fetchval(f"SELECT count(*) FROM {table}"):  # noqa: S608 - ours
                left.append(f"{count} rows are left in {table}")
        overdue = await sql.fetchval(OVERDUE)
        if overdue:
            left.append(f"{overdue} deals are to expire, or should have")
        behind = await self._behind(sql)
        return left + behind

    async def _behind(self, sql: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
        rows = await sql.fetch(
            "SELECT user_id, conversations.id, last_seq FROM conversations JOIN parties USING (deal_id) WHERE last_seq > 0"
        )
        last: dict[str, dict[str, int]] = {}
        for row in rows:
            last.setdefault(str(row["user_id"]), {})[str(row["id"])] = row["last_seq"]
        behind = []
        for device in self.devices:
            for conversation, seq in last.get(device.user, {}).items():
                entries = device.entries.get(conversation)
                seen_to = entries[-1].seq if entries else 0
                if seen_to < seq:
                    behind.append(f"{device.name} has {conversation} to {seen_to} of {seq}")
        return behind

    async def _see_presence(self) -> None:
        """Some hang up, and the others ask every server for everybody they may ask for. In a short run, nobody hangs up."""
        people = {device.user: device for device in self.devices}
        leaving = set(sorted(people)[::3]) if self.plan.is_whole else set()
        for device in self.devices:
            if device.user in leaving:
                await device.person.close()
        async with self.site.sql() as sql:
            rows = await sql.fetch(ACQUAINTED)
        limit_at = self.clock.now() + FADED_SECONDS_MAX
        while True:
            seen = PresenceSeen()
            for row in rows:
                asker, others = str(row["person"]), [str(other) for other in row["others"]][:ASKED_OF_PERSON_MAX]
                if asker not in leaving:
                    for server in self.site.servers:
                        await self._ask_for_presence(seen, people[asker], others, leaving, server)
            self.evidence.presence = seen
            if not (seen.thought_gone or seen.thought_here) or self.clock.now() > limit_at:
                return
            await asyncio.sleep(1.0)

    async def _ask_for_presence(
        self, seen: PresenceSeen, asker: Device, others: list[str], leaving: set[str], server: Server
    ) -> None:
        said = await asker.ask_presence(server.direct_url, others)
        for other in others:
            is_here = said.get(other, {}).get("online", False)
            where = f"{other}, by server {server.number} to {asker.name}"
            if other in leaving:
                seen.gone += 1
                seen.thought_here += [where] if is_here else []
            else:
                seen.here += 1
                seen.thought_gone += [] if is_here else [where]

    async def _leave(self) -> None:
        """Everybody has gone; the servers are as idle as at the beginning, or something leaked."""
        well = self.evidence.wellbeing
        before = max(gauges["swaploop_tasks"] for gauges in well.idle_before.values())
        for _ in range(250):  # a socket's ping is over when the next one would be due
            well.idle_after = await self._idle()
            if all(gauges["swaploop_tasks"] <= before for gauges in well.idle_after.values()):
                break
            await asyncio.sleep(0.1)
        async with self.site.sql() as sql:
            rows = await sql.fetch(CONNECTIONS)
            well.connections = [(row["state"], row["n"]) for row in rows]
        async with self.site.cache() as client:
            well.channels = len(await client.pubsub_channels("*"))
            async for key in client.scan_iter(count=1000):
                well.keys += 1
                if await client.ttl(key) == -1:
                    well.endless_keys.append(key.decode())
        for server in self.site.servers:
            well.orphaned += server.workers_orphaned
            well.outliving += server.outliving
            self._read_log(server.log)
            shutil.copy(server.log, self.plan.folder)

    def _read_log(self, log: Path) -> None:
        well = self.evidence.wellbeing
        for line in log.read_text(errors="replace").splitlines():
            well.log_lines += 1
            with contextlib.suppress(msgspec.DecodeError):
                said = msgspec.json.decode(line)
                if isinstance(said, dict) and said.get("level") not in ("error", "critical"):
                    continue
            if re.search(r'^\{.*"level": ?"(error|critical)"|^(ERROR|CRITICAL)|never retrieved|never awaited', line):
                well.bugs.append(line[:2000])

    async def _idle(self) -> dict[str, dict[str, float]]:
        idle: dict[str, dict[str, float]] = {}
        for server in self.site.servers:
            idle |= await server.metrics(self.site.http)
        return idle

    async def _look_now_and_then(self) -> None:
        """Whatever must be true of the database must be true at any moment: it is looked at as one snapshot."""
        pause_seconds = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause_seconds)
            began_at = self.clock.now()
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                async with self.site.sql() as sql, sql.transaction(isolation="repeatable_read", readonly=True):
                    await sql.execute("SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'")
                    for promise, query in PROMISES.items():
                        for row in await sql.fetch(query):
                            self.evidence.seen_broken.setdefault(promise, []).append(
                                f"at {self.clock.now():.1f} s: {tuple(map(str, row))}"
                            )
                    self.evidence.looks += 1
            pause_seconds = max(LOOK_SECONDS, 10 * (self.clock.now() - began_at))  # a large market takes longer to look at

    async def _watch_oneself(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LAG_SECONDS)
            late = loop.time() - before - LAG_SECONDS
            if late > LAG_SECONDS:
                self.evidence.lags.append((self.clock.now(), late))
