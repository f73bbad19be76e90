"""What the product asks of PostgreSQL for some actions, noted while it does them, and the same for pgbench to do.

So a floor cannot drift from the product: it is whatever the product does by now.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import msgspec
from asyncpg.connection import LoggedQuery

from handlers.app import App
from handlers.dispatch import Refused, Request, dispatch
from handlers.tokens import Caller
from storage.database import Database, Tx

AN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLACE = re.compile(r"\$(\d+)")


class Listening(Database):
    """Notes what is asked of PostgreSQL."""

    asked: list[LoggedQuery]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        async with super().connection() as connection:
            with connection.query_logger(self.asked.append):
                yield connection


class Statement(NamedTuple):
    """One, with its parameters as PostgreSQL reads them, and what it takes each for."""

    query: str
    values: list[str | None]
    types: list[str]


class Step(NamedTuple):
    """What somebody does. `raw` may ask the answers before it, for an id that they brought."""

    who: UUID
    event: str
    raw: Callable[[Sequence[Any]], Mapping[str, Any]]


@dataclass(slots=True)
class Recorder:
    """Does steps by the product's own road, in this process, on a database of its own."""

    app: App
    database: Listening

    @classmethod
    @asynccontextmanager
    async def of(cls, app: App, url: str) -> "AsyncIterator[Recorder]":
        listening = await Listening.connect(url, pool_size=1)
        assert isinstance(listening, Listening)
        try:
            yield cls(replace(app, database=listening), listening)
        finally:
            await listening.close()

    async def record(self, steps: Iterable[Step]) -> list[Statement]:
        """What these steps, each with a key, asked of PostgreSQL."""
        self.database.asked = []
        answers: list[Any] = []
        for who, event, raw in steps:
            caller = Caller(who, uuid4(), datetime.now(UTC) + timedelta(minutes=5))
            answer = await dispatch(self.app, Request(event, raw(answers), "bench", caller, key=str(uuid4())))
            assert not isinstance(answer.body, Refused), answer.body
            answers.append(msgspec.json.decode(msgspec.json.encode(answer.body))["data"])
        asked = list(self.database.asked)
        async with self.database.connection() as tx:
            return [await _statement(tx, query) for query in asked]

    async def session_settings(self) -> dict[str, str]:
        """What the product sets on its connections, by which PostgreSQL plans."""
        async with self.database.connection() as tx:
            rows = await tx.fetch(
                "SELECT name, setting || COALESCE(unit, '') AS setting FROM pg_settings WHERE source = 'client'"
            )
        return {row["name"]: row["setting"] for row in rows if row["name"] != "application_name"}


async def _statement(tx: Tx, query: LoggedQuery) -> Statement:
    types = [kind.name for kind in (await tx.prepare(query.query)).get_parameters()] if query.args else []
    values = [None if value is None else _text(value, kind) for value, kind in zip(query.args, types, strict=True)]
    return Statement(query.query, values, types)


def _text(value: Any, kind: str) -> str:
    if kind == "jsonb":
        return msgspec.json.encode(value).decode()
    if kind.endswith("[]"):
        return "{" + ",".join("NULL" if one is None else _quoted(_text(one, kind[:-2])) for one in value) + "}"
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


class Script:
    """The statements in pgbench's language. Each run of it begins by getting the parameters of its number from a table.

    What is the same in every run stands in a second table of one row. An id that is named in no row's `ids` is made up.
    """

    def __init__(self, name: str, statements: Sequence[Statement]) -> None:
        self.name = name
        self.statements = len(statements)
        self._column: dict[str, str] = {}  # by value
        lines = [self._line(statement) for statement in statements]
        columns = ", ".join(self._column.values())
        self._own = {value: column for value, column in self._column.items() if AN_ID.search(value)}
        self._shared = {value: column for value, column in self._column.items() if value not in self._own}
        number = f"(SELECT nextval('{name}_number'))"
        self.fetch = f"SELECT {columns} FROM {name}_own CROSS JOIN {name}_shared WHERE number = {number} \\gset\n"  # noqa: S608
        self.text = self.fetch + "".join(f"{line};\n" for line in lines)

    def _line(self, statement: Statement) -> str:
        def placed(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            value, kind = statement.values[place], statement.types[place]
            if value is None:
                return f"NULL::{kind}"
            column = self._column.setdefault(value, f"v{len(self._column)}")
            return f":{column}::{kind}"

        return PLACE.sub(placed, statement.query.strip().rstrip(";"))

    async def prepare(
        self, connection: "asyncpg.Connection[asyncpg.Record]", rows: Iterable[Mapping[str, str]], *, each: int
    ) -> None:
        """Have the parameters at hand. `rows`: for each run, what stands for each id that was recorded.

        A connection gets `each` numbers at a time, so as many runs as there are for it.
        """
        own, shared = list(self._own.values()), list(self._shared.values())
        await connection.execute(
            f"""
            CREATE UNLOGGED TABLE {self.name}_own (number bigint PRIMARY KEY, {_texts(own)});
            CREATE UNLOGGED TABLE {self.name}_shared ({_texts(shared)});
            CREATE UNLOGGED SEQUENCE {self.name}_number CACHE {each};
            """
        )
        await connection.copy_records_to_table(f"{self.name}_shared", records=[tuple(self._shared)], columns=shared)
        await connection.copy_records_to_table(f"{self.name}_own", records=self._rows(rows), columns=["number", *own])
        await connection.execute(f"VACUUM ANALYZE {self.name}_own")

    async def rewind(self, url: str) -> None:
        """Begin with the first number again."""
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(f"ALTER SEQUENCE {self.name}_number RESTART")
        finally:
            await connection.close()

    def _rows(self, rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[Any, ...]]:
        for number, ids in enumerate(rows, start=1):
            known = dict(ids)

            def stand_in(match: re.Match[str], known: dict[str, str] = known) -> str:
                return known.setdefault(match[0], str(uuid4()))

            yield (number, *(AN_ID.sub(stand_in, value) for value in self._own))


def _texts(columns: Iterable[str]) -> str:
    return ", ".join(f"{column} text" for column in columns)
