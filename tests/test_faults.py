"""The fault run in short: a few people, some faults, and every promise counted. `make faults` is the whole of it.

And its checker, where no server that is broken on purpose is at hand: what grows in a soak, and the order of all deals.
"""

import random
import re
import sys
from asyncio import create_subprocess_exec, subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from tests.faults import watch
from tests.faults.checks import cycles
from tests.faults.checks.growth import BOUNDS, grown
from tests.faults.clock import Clock
from tests.faults.evidence import Evidence
from tests.faults.history import Call
from tests.faults.watch import Sample

SEED = 7
SOAK_SECONDS = 1_800.0
SAMPLES = 180


async def test_every_promise_is_kept_while_servers_and_stores_and_connections_fail(tmp_path: Path) -> None:
    run = await create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults", "--seed", str(SEED), "--seconds", "20", "--clients", "12"),
        *("--folder", str(tmp_path)),
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = (await run.communicate())[0].decode()
    assert run.returncode == 0, said
    counted = re.findall(r"^ *(\d+) +0  \S", said, re.MULTILINE)
    assert len(counted) > 40, said
    assert sum(map(int, counted)) > 1_000, "many cases were seen"
    assert (tmp_path / "history.jsonl").stat().st_size > 10_000


def soak(grows: str = "", by: float = 0.0) -> list[Sample]:
    """Half an hour, as it is seen: all swings a little, and `grows` has `by` more in the end than in the beginning."""
    chance = random.Random(SEED)
    typical = dict.fromkeys(BOUNDS, 40.0) | {watch.MEMORY: 120.0, watch.KEYS + "marks:in": 150.0}
    return [
        Sample(
            SOAK_SECONDS * number / SAMPLES,
            {
                name: value * chance.uniform(0.97, 1.03) + by * number / SAMPLES * (name == grows)
                for name, value in typical.items()
            },
        )
        for number in range(SAMPLES)
    ]


def test_a_soak_in_which_nothing_grows_is_clean_and_says_how_much_it_saw() -> None:
    found = grown(soak(), SOAK_SECONDS)
    assert [one.broken for one in found] == [[]] * (len(BOUNDS) + 1)
    assert all(one.cases == 90 for one in found)


@pytest.mark.parametrize(
    ("grows", "by"),
    [
        (watch.MEMORY, 20.0),
        (watch.BLOCKS, 15.0),
        (watch.MALLOCED, 6.0),
        (watch.TASKS, 90.0),
        (watch.FILES, 50.0),
        (watch.THREADS, 15.0),
        (watch.KEYS + "marks:in", 900.0),
    ],
)
def test_what_grows_in_a_soak_is_found_and_nothing_else(grows: str, by: float) -> None:
    (wrong,) = [one for one in grown(soak(grows, by), SOAK_SECONDS) if one.broken]
    assert wrong.promise.endswith(grows)


def test_what_was_sampled_too_seldom_was_not_seen() -> None:
    assert {one.cases for one in grown(soak()[::20], SOAK_SECONDS)} == {0}


class Ledgers:
    """What the database says the items' ledgers are in the end, by item."""

    def __init__(self, **deals: list[str]) -> None:
        self._lines = [{"item": item, "deal": deal} for item, ledger in deals.items() for deal in ledger]

    async def fetch(self, _: str) -> list[dict[str, str]]:
        return self._lines


def read(number: int, item: str, *deals: str, at: float) -> Call:
    """Somebody has read this ledger, within a tenth of a second."""
    answer = [{"dealId": deal} for deal in deals]
    return Call(number, "amina", "d1", "item:history", {"itemId": item}, None, at, at + 0.1, "ok", answer=answer)


async def in_one_order(*calls: Call, **ledgers: list[str]) -> tuple[list[str], list[str]]:
    """What the checker finds wrong with the readings, and with the order of all."""
    evidence = Evidence(Clock(), list(calls), [], cast(Any, None), [])
    readings, order = await cycles.check(evidence, cast(Any, Ledgers(**ledgers)))
    return readings.broken, order.broken


async def test_readings_that_some_order_explains_are_no_cycle() -> None:
    calls = [read(1, "camera", at=1.0), read(2, "camera", "first", at=2.0), read(3, "bicycle", "first", "second", at=3.0)]
    assert await in_one_order(*calls, camera=["first"], bicycle=["first", "second"]) == ([], [])


async def test_who_reads_what_was_so_before_what_others_have_seen_is_in_a_cycle() -> None:
    """A swap of a camera and a bicycle: after one was seen to have moved, the other had not."""
    calls = [read(1, "camera", "swap", at=1.0), read(2, "bicycle", at=2.0)]
    readings, (cycle,) = await in_one_order(*calls, camera=["swap"], bicycle=["swap"])
    assert not readings
    assert "swap" in cycle


async def test_deals_that_two_ledgers_have_in_two_orders_are_a_cycle() -> None:
    _, (cycle,) = await in_one_order(camera=["first", "second"], bicycle=["second", "first"])
    assert "first" in cycle
    assert "second" in cycle


async def test_a_reading_that_is_no_beginning_of_its_ledger_is_told_of() -> None:
    (wrong,), _ = await in_one_order(read(1, "camera", "second", at=1.0), camera=["first", "second"])
    assert "camera" in wrong
