"""A server that is killed, or asked to stop, and started again: nothing acknowledged is lost, and nothing outlives it.

`swaploop serve` as a process of its own, with its own PostgreSQL and Valkey in its own data directory.
"""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.devices import devices_of
from tests.people import Person
from tests.processes import own_directory, processes_on, serving
from tests.trading import refused, trade_between
from tests.waiting import until


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with own_directory("restart") as folder:
        yield folder


def names_below(data_dir: Path, name: str) -> list[Path]:
    return list(data_dir.glob(f"postgres-*/{name}"))


async def test_what_was_acknowledged_before_a_kill_is_there_after_the_next_start(data_dir: Path) -> None:
    async with serving(data_dir) as server, server.cast() as cast:
        alice, bob = await cast.people("Alice", "Bob", connected=True)
        done = await trade_between(alice, bob, "interest", "confirm")
        await alice.does("trade:complete", tradeId=done["id"])
        held = await trade_between(alice, bob, "interest", "confirm")
        acknowledged: list[str] = []

        async def talks() -> None:
            while True:
                said = {"text": f"Line {len(acknowledged)}", "clientMessageId": f"line-{len(acknowledged)}"}
                await alice.by_rest("message:send", conversationId=held["conversation"], **said)
                acknowledged.append(said["text"])

        talking = asyncio.create_task(talks())
        await until(lambda: len(acknowledged) >= 50, what="talking")
        assert await server.ends(signal.SIGKILL) == -signal.SIGKILL  # in the midst of the next line
        with pytest.raises(aiohttp.ClientError):
            await talking
    await until(lambda: not processes_on(data_dir), what="the end of PostgreSQL and Valkey")

    async with serving(data_dir) as server, server.cast() as cast, devices_of(alice, cast) as (device,):
        log = await everything_said(device, held["conversation"])
        assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
        texts = [entry["text"] for entry in log if entry["kind"] == "message"]
        assert texts[: len(acknowledged)] == acknowledged
        assert len(texts) <= len(acknowledged) + 1, "at most the one that was under way, whole"
        retried = {"text": f"Line {len(acknowledged)}", "clientMessageId": f"line-{len(acknowledged)}"}
        await device.does("message:send", conversationId=held["conversation"], **retried)
        texts = [entry["text"] for entry in await everything_said(device, held["conversation"]) if entry["kind"] == "message"]
        assert texts == [*acknowledged, retried["text"]], "trying again is safe, whether or not it had been written"

        trades = {trade["id"]: trade["status"] for trade in (await device.does("trade:mine"))["items"]}
        assert trades == {done["id"]: "completed", held["id"]: "confirmed"}
        ledger = await device.does("item:history", itemId=done["offeredItem"])
        assert [line["to"] for line in ledger] == [alice.id, bob.id]
        await refused(device.does("item:update", itemId=held["offeredItem"], title="Mine"), "ITEM_LOCKED")
        assert (await device.does("trade:complete", tradeId=held["id"]))["status"] == "completed"


async def test_a_server_that_is_asked_to_stop_ends_well_and_leaves_nothing_behind(data_dir: Path) -> None:
    async with serving(data_dir) as server, server.cast() as cast:
        alice = await cast.person("Alice")
        socket = await alice.connect()
        assert await server.ends(signal.SIGTERM) == 0
        await until(lambda: not socket.connected, what="the end of the connection")
    assert processes_on(data_dir) == []
    assert names_below(data_dir, "PG_VERSION"), "its data is here"
    assert not names_below(data_dir, "postmaster.pid"), "and PostgreSQL was stopped cleanly"


async def everything_said(person: Person, conversation: str) -> list[Any]:
    log: list[Any] = []
    while page := await person.does("message:list", conversationId=conversation, afterSeq=len(log), limit=100):
        log += page
    return log
