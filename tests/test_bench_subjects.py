"""Each subject of the bench at a tiny scale: nothing is lost or refused, its report is complete. No time is asserted."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import connecting, events, listing, mixed, signing_in, workers
from tests.bench.plot import drawn
from tests.bench.profiling import LOOP, PROFILE, Profile, part_of
from tests.bench.report import Figure, Report


def complete(report: Report, *names: str) -> None:
    """It has these figures, and each was measured."""
    assert report.failures == []
    assert [figure.name for figure in report.figures] == list(names)
    assert all(value > 0 for figure in report.figures for value in (*figure.values, *figure.floors))
    assert all(name in str(report) for name in names)


async def test_connecting() -> None:
    report = await connecting.run(seconds=0.2, rounds=1, at_once=3, people=5)
    complete(report, "connections a second", "the same, without Socket.IO", "CPU of the server, a connection")
    assert [name for name, *_ in report.times] == ["WebSocket", "echo", "ours"]


async def test_signing_in() -> None:
    report = await signing_in.run(seconds=0.3, rounds=1, at_once=2, people=10)
    complete(report, "sign-ins a second")


async def test_listing_runs_what_the_product_executes() -> None:
    report = await listing.run(items=200, seconds=1, rounds=1, connections=3, pages=3)
    complete(report, "pages a second by socket", "pages a second by REST")
    assert [name for name, *_ in report.times] == [
        "by socket",
        "by REST",
        "by pgbench, 3 connections",
        "by pgbench, 10 connections",
    ]


async def test_mixed() -> None:
    report = await mixed.run(items=200, people=6, seconds=1.0, think_seconds=0.02)
    complete(report, "p50 of an action", "p95 of an action", "p99 of an action")
    assert {"item:list", "message:send"} <= {name for name, *_ in report.times}
    assert "Memory: server " in str(report)


async def test_workers() -> None:
    report = await workers.run(seconds=0.2, rounds=1, connections=4)
    complete(report, "GET /categories a second", "category:list a second")


def a_report() -> Report:
    report = Report("Things: all of them")
    report.add(Figure("promised & kept", [30.0, 20.0, 25.0], [10.0, 10.0, 10.0], "echo", "", at_least=1.0))
    report.add(Figure("promised and <broken>", [0.002], [0.001], "p50", at_most=1.5))
    report.add(Figure("a rate", [1.0], [700.0], "WebSocket", ""))
    report.add(Figure("not drawn", [0.002], [0.001], "p50"))
    return report


def test_a_report_is_drawn() -> None:
    picture = drawn([a_report(), Report("Nothing to be seen")])
    root = ElementTree.fromstring(picture)  # noqa: S314 - it is our own
    said = " ".join("".join(one.itertext()) for one in root.iter() if one.tag.endswith("}text"))
    assert "Things" in said
    assert "promised & kept" in said
    assert "promised and <broken>" in said
    assert "2.5 × echo, promised ≥ 1" in said
    assert "not drawn" not in said
    assert "Nothing to be seen" not in said
    bars = [one.get("class") for one in root.iter() if one.tag.endswith("}rect")]
    assert bars == ["paper", "yes", "no", "shown"]
    numbers = [float(one.get(name) or 0) for one in root.iter() for name in ("x", "x1", "x2", "width") if one.get(name)]
    assert min(numbers) >= 0
    assert max(numbers) <= 960
    assert "prefers-color-scheme:dark" in picture


def test_where_nothing_is_measured_nothing_is_drawn() -> None:
    with pytest.raises(ValueError, match="nothing"):
        drawn([Report("Empty")])


def test_profiles_of_several_processes_are_told_together(tmp_path: Path) -> None:
    assert part_of(None) == LOOP
    for number, parts in ((1, {"dispatch": 1.5, "log": 0.5}), (2, {"dispatch": 1.0})):
        (tmp_path / f"{number}.json").write_text(json.dumps({"parts": parts, "functions": {"a.py: f": 1.0}}))
    profile = Profile.read(str(tmp_path))
    assert profile.parts == {"dispatch": 2.5, "log": 0.5}
    assert "83.3%  dispatch" in str(profile)
    assert not list(tmp_path.iterdir())


async def test_a_server_process_leaves_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROFILE, str(tmp_path))
    await events.run(seconds=0.5, rounds=1, connections=(3,))
    profile = Profile.read(str(tmp_path))
    assert profile.parts["engine and socket packets"] > 0
    assert profile.parts["dispatch"] > 0
    assert any("dispatch.py" in name for name in profile.functions)
