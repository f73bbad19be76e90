"""The bench measures what it says: its market has the mixture, its oracles agree, its report prints ratios, nothing is asserted
of a time.
"""

import asyncio
import gzip
import time
from collections import Counter
from pathlib import Path

import pytest

from client_demo.load.quantiles import Quantiles
from matching.search import best_cycles
from matching.wants import Listing
from storage.categories import load_categories
from storage.database import Database
from tests.bench import events, idle
from tests.bench.event_loop import watched
from tests.bench.market import MIXTURE, listings
from tests.bench.matching import Scale, run, tree_of
from tests.bench.oracle import BruteForce, Networkx
from tests.bench.report import Figure, Report
from tests.bench.want_lists import read
from tests.conftest import Parts
from tests.small_markets import best_chains_of, best_rings_of, markets

TINY = Scale(
    listings=500,
    rounds=2,
    searched=20,
    searched_long=5,
    looked_up=50,
    changed=20,
    tried_by_brute_force=3,
    chains_tried=1,
    tried_by_networkx=1,
    asked_of_the_product=10,
)


@pytest.fixture(scope="module")
async def tree(parts: Parts) -> dict[str, str | None]:
    database = await Database.connect(await parts.new_database())
    try:
        async with database.connection() as tx:
            return tree_of(await load_categories(tx))
    finally:
        await database.close()


def test_the_market_is_the_same_for_the_same_seed(tree: dict[str, str | None]) -> None:
    assert list(listings(tree, 50, seed=3)) == list(listings(tree, 50, seed=3))
    assert list(listings(tree, 50, seed=3)) != list(listings(tree, 50, seed=4))


def test_the_market_has_the_mixture(tree: dict[str, str | None]) -> None:
    made = list(listings(tree, 5_000))
    kinds = Counter(_kind(one) for one in made)
    for kind, percent in MIXTURE.items():
        assert kinds[kind] / len(made) == pytest.approx(percent / 100, abs=0.02)
    categories = [count for _, count in Counter(one.category for one in made).most_common()]
    assert set(tree) >= {one.category for one in made}
    assert categories[0] > 5 * categories[len(categories) // 2], "some are far more popular than others"
    values = sorted(one.value for one in made if one.value is not None)
    assert values[len(values) // 2] * 5 < values[len(values) * 99 // 100], "most things are cheap, few are dear"
    assert len({one.item for one in made}) == len(made)
    assert 1_000 < len({one.owner for one in made}) < 1_500
    assert 20 < sum(len(f"{one.title} {one.description}".split()) for one in made) / len(made) < 30


def test_both_oracles_find_what_a_third_one_finds() -> None:
    compared = 0
    for chance, small in markets(60, "bench"):
        graph, start = small.graph(), chance.randrange(len(small.owner))
        rings = best_rings_of(small.rings(start, 5), 500_000)[:10]
        brute_force = BruteForce(graph)
        assert brute_force.best_rings(start, 5, 10) == rings
        networkx = Networkx(brute_force)
        assert networkx.best_rings(start, 5, 10) == networkx.best_rings_by_their_ends(start, 5, 10) == rings
        assert brute_force.best_chains(start, 5, 10) == best_chains_of(small.chains(start, 5), start, 500_000)[:10]
        compared += len(rings)
    assert compared > 100


def test_the_report_prints_ratios_and_whether_they_are_what_was_promised() -> None:
    report = Report("Things")
    report.add(Figure("fast", [0.002, 0.003, 0.001], [0.001, 0.001, 0.001], "look-up", at_most=2))
    report.add(Figure("slow", [0.9], [0.000_1], "look-up", floor_unit="µs", at_most=30))
    report.add(Figure("theirs", [3.0], [0.002], "ours", "s", "ms", at_least=1_000))
    report.note("It rained.")
    fast, slow, theirs = str(report).splitlines()[4:7]
    assert fast.split("  ")[0] == "fast"
    assert "2 ms (1–3)" in fast
    assert "1 ms (1–1) look-up" in fast
    assert "2 (1–3)" in fast
    assert fast.endswith("≤ 2      yes")
    assert "100 µs look-up" in slow
    assert "9,000" in slow
    assert slow.endswith("≤ 30     NO")
    assert "1,500" in theirs
    assert theirs.endswith("≥ 1,000  yes")
    assert "- It rained." in str(report)
    assert not report.failures


def test_quantiles_are_times_that_were_seen() -> None:
    assert Quantiles.of([k / 1_000 for k in range(300, 0, -1)]) == (0.15, 0.27, 0.285, 0.297)
    assert Quantiles.of([5.0]) == (5.0, 5.0, 5.0, 5.0)


async def test_what_keeps_the_loop_from_running_is_seen() -> None:
    async with watched() as blocked:
        time.sleep(0.08)  # noqa: ASYNC251 - that it blocks is what is tested
    assert blocked.longest > 0.07
    async with watched() as free:
        await asyncio.sleep(0.08)
    assert len(free.seconds) > 3


def test_a_want_list_is_read_without_its_stand_ins(tmp_path: Path) -> None:
    file = tmp_path / "list.tsv.gz"
    vertices = ["v\t0\t0", "v\t1\t0", "v\t2\t0", "v\t0\t1"]  # the last one means "one of 1 and 2"
    edges = ["e\t0\t3\t1", "e\t3\t2\t1", "e\t3\t1\t2", "e\t1\t2\t1", "e\t2\t0\t1", "e\t2\t1\t2"]
    file.write_bytes(gzip.compress("\n".join(["# list", "4\t6", *vertices, *edges]).encode()))
    graph = read(file)
    assert [graph.out.row(slot)[0].tolist() for slot in range(graph.out.nodes)] == [[2, 1], [2], [0, 1]]
    found = best_cycles(graph, 0, parties_max=5, count=10, expansions_max=1_000)
    assert [path for _, path in found.paths] == [(0, 1, 2)]


async def test_the_whole_bench_runs_and_what_it_compares_is_the_same() -> None:
    report = await run(TINY)
    assert report.failures == []
    names = [figure.name for figure in report.figures]
    assert "10 best rings of up to 5: p99" in names
    assert "add an item: p50" in names
    assert "memory of the snapshot, an item" in names
    assert len(names) == len(set(names))
    assert all(ratio > 0 for figure in report.figures for ratio in figure.ratios)


def _kind(listing: Listing) -> str:
    if listing.wants is None:
        return "flexible" if listing.flexible else "credits"
    wants = listing.wants
    stated = {
        "items": wants.items,
        "categories": wants.categories,
        "keyword": wants.keywords,
        "range": wants.value_max is not None,
        "condition": wants.condition is not None,
    }
    kind = ", ".join(name for name, given in stated.items() if given)
    order = {"keyword": "keywords"}
    return order.get(kind, kind)


async def test_events_are_measured_beside_an_echo_through_servers_of_their_own() -> None:
    report = await events.run(seconds=0.2, rounds=1, connections=(3,))
    assert report.failures == []
    assert [figure.name for figure in report.figures] == [
        "events a second, 3 connections",
        "the same, without Socket.IO, 3 connections",
        "CPU of the server an event, 3 connections",
        "p99 of an event, 3 connections",
    ]
    assert all(value > 0 for figure in report.figures for value in figure.values)


async def test_idle_sockets_stay_connected_while_they_are_measured() -> None:
    report = await idle.run(sockets=40, few=10, leaving=5, settle_seconds=0.1)
    assert report.failures == []
    assert "signing in 30 took" in report.notes[0]
