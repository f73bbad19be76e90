"""Messages: acknowledged and durable, beside pgbench with the same statement, a commit for each; and how soon each is heard.

PostgreSQL is as in the product (fsync on). Ours goes in by the door, is checked, committed, acknowledged, pushed to two people,
published for other processes, and taken out of the outbox; pgbench does the one statement.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from client_demo.load.quantiles import Quantiles
from client_demo.load.talking import Talkers
from client_demo.load.wire import connect
from handlers.tokens import Tokens
from server.embedded import EmbeddedValkey
from storage.entries import SEND
from storage.migrate import migrate
from tests.bench.events import Server, ignore, serving
from tests.bench.floors import fresh_database
from tests.bench.pgbench import floor
from tests.bench.report import Figure, Report, spoken

SECONDS = 6
ROUNDS = 3
CONNECTIONS = (50, 200)

# The people and conversations are numbered by their ids, so that pgbench can name them.
PERSON, CONVERSATION = "00000000-0000-4000-8000-", "00000000-0000-4000-9000-"
STOCK = """
    WITH person AS (
        INSERT INTO users (id, name, email, password_hash)
        SELECT ($2 || lpad(number::text, 12, '0'))::uuid, 'Somebody', number || '@example.org', 'none'
          FROM generate_series(0, $1 - 1) AS number
    ), pair AS MATERIALIZED (
        SELECT ($3 || lpad(number::text, 12, '0'))::uuid AS conversation_id, gen_random_uuid() AS deal_id,
               ($2 || lpad((2 * number)::text, 12, '0'))::uuid AS one,
               ($2 || lpad((2 * number + 1)::text, 12, '0'))::uuid AS other
          FROM generate_series(0, $1 / 2 - 1) AS number
    ), deal AS (
        INSERT INTO deals (id, kind, status, item_ids, party_ids, proposer_id, expires_at)
        SELECT deal_id, 'trade', 'proposed', ARRAY[one, other], ARRAY[one, other], one, now() + interval '7 days' FROM pair
    ), party AS (
        INSERT INTO parties (deal_id, user_id, position)
        SELECT deal_id, one, 0 FROM pair UNION ALL SELECT deal_id, other, 1 FROM pair
    )
    INSERT INTO conversations (id, deal_id) SELECT conversation_id, deal_id FROM pair
"""


async def stock(database_url: str, people: int) -> None:
    """So many people, in conversations of two."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(STOCK, people, PERSON, CONVERSATION)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def script() -> str:
    """The product's statement for pgbench: its clients are the people, two in each conversation."""
    statement = SEND
    for parameter, value in {
        "$1": f"('{CONVERSATION}' || lpad((:client_id / 2)::text, 12, '0'))::uuid",
        "$2": f"('{PERSON}' || lpad(:client_id::text, 12, '0'))::uuid",
        "$3": "repeat('x', 60)",
        "$4": ":client_id || '-' || :number",
    }.items():
        statement = statement.replace(parameter, f"({value})")
    return f"\\set number random(1, 1000000000000000)\n{statement.strip()};\n"


@asynccontextmanager
async def durable_server() -> AsyncIterator[tuple[Server, str, str]]:
    """The product in a process of its own, the URL of its PostgreSQL, which is as durable as anybody's, and of another database
    there, which the product does not know: it would push what pgbench puts into its outbox.
    """
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, Valkey runs as another user, who has to get here
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            async with fresh_database("max_connections=300", durable=True) as url:
                other = await another_database(url)
                async with serving("tests.bench.no_op_server", DATABASE_URL=url, REDIS_URL=valkey.url) as server:
                    yield server, url, other
        finally:
            valkey.stop()


async def another_database(url: str) -> str:
    """The URL of a migrated and empty database beside that one."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE DATABASE floor")
    finally:
        await connection.close()
    head, _, query = url.partition("?")
    other = f"{head.rpartition('/')[0]}/floor?{query}"
    await migrate(other)
    return other


async def run(seconds: int = SECONDS, rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS) -> Report:
    report = Report("Messages: acknowledged and durable, beside pgbench with the same statement, a commit for each")
    for count in connections:
        async with durable_server() as (server, url, other):
            for each in (url, other):
                await stock(each, count)
            wires = await connect(server.port, [auth(server, place) for place in range(count)], ignore)
            talkers = Talkers(wires, [str(UUID(f"{CONVERSATION}{place:012}")) for place in range(count // 2)])
            ours, floors, cpu = [], [], []
            for _ in range(rounds):
                floors.append(await floor(other, script(), count, seconds=seconds))
                spent = server.cpu_seconds()
                ours.append(await talkers.closed_loop(seconds))
                cpu.append((server.cpu_seconds() - spent) / ours[-1].acknowledged)
            at = f"{count} connections"
            rates = [talk.rate for talk in ours], [one.rate for one in floors]
            report.add(Figure(f"messages a second, {at}", *rates, "pgbench", "", at_least=0.5))
            report.note(f"CPU of the server for a message at {at}: {spoken(cpu, 'µs')}.")
            at_half = await talkers.open_loop(max(talk.rate for talk in ours) / 2, seconds)
            for talk in (*ours, at_half):
                if talk.refused or talk.unheard:
                    report.fail(f"{talk.unheard} not heard, {len(talk.refused)} refused: {talk.refused[:1]}")
            acknowledged, heard = Quantiles.of(at_half.acknowledgements), Quantiles.of(at_half.pushes)
            report.add(
                Figure(f"p99 of an acknowledgement at half that rate, {at}", [acknowledged.p99], [acknowledged.p50], "p50")
            )
            report.add(Figure(f"p99 of a push at half that rate, {at}", [heard.p99], [heard.p50], "p50", at_most=5.0))
    return report


def auth(server: Server, place: int) -> dict[str, str]:
    person = UUID(f"{PERSON}{place:012}")
    return {"token": Tokens(server.secret, timedelta(hours=1)).issue(person, uuid4())}
