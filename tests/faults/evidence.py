"""What the checker has to go by, and what it comes to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from tests.faults.clock import Clock
from tests.faults.devices import Device
from tests.faults.history import Call
from tests.faults.mailbox import Letter
from tests.faults.visits import Visit
from tests.faults.watch import Sample
from tests.faults.weather import Weather

SHOWN_MAX = 3

if TYPE_CHECKING:
    Sql: TypeAlias = asyncpg.Connection[asyncpg.Record]  # generic in its stubs only
else:
    Sql = asyncpg.Connection


@dataclass(slots=True)
class Finding:
    """One promise: how many cases were seen, and those that broke it. `seldom`: it takes some minutes to be put to the test."""

    promise: str
    cases: int
    broken: list[str] = field(default_factory=list)
    remark: str = ""
    seldom: bool = False


def finding(promise: str, cases: int, broken: Iterable[object], remark: str = "", *, seldom: bool = False) -> Finding:
    return Finding(promise, cases, [str(one) for one in broken], remark, seldom)


@dataclass(slots=True)
class Wellbeing:
    """How the servers were at the beginning, when nobody was there yet, and at the end, when everybody had gone."""

    unwell: list[str] = field(default_factory=list)  # what they said instead
    settled: list[str] = field(default_factory=list)  # what did not come to rest in time
    settled_of: int = 0  # queues, and conversations on devices
    keys: int = 0  # Redis's
    has_workers: bool = False
    orphaned: int = 0  # workers of whom who looked after them was killed
    outliving: list[str] = field(default_factory=list)  # those that lived on
    idle_before: dict[str, dict[str, float]] = field(default_factory=dict)  # of each process
    idle_after: dict[str, dict[str, float]] = field(default_factory=dict)
    connections: list[tuple[str, int]] = field(default_factory=list)  # PostgreSQL's, by state
    channels: int = 0
    endless_keys: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    log_lines: int = 0


@dataclass(slots=True)
class PresenceSeen:
    """What the servers said of people, each of them asked by each who may ask: once it was all true, or when time was up."""

    here: int = 0
    gone: int = 0
    thought_gone: list[str] = field(default_factory=list)
    thought_here: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Evidence:
    clock: Clock
    calls: list[Call]
    devices: list[Device]
    weather: Weather
    letters: list[Letter]
    looks: int = 0  # times that the database was looked at while things happened
    seen_broken: dict[str, list[str]] = field(default_factory=dict)  # what was seen then, by promise
    wellbeing: Wellbeing = field(default_factory=Wellbeing)
    lags: list[tuple[float, float]] = field(default_factory=list)  # when this process was late itself, and by how much
    final_lists: list[Call] = field(default_factory=list)  # everybody's conversations, when all had come to rest
    servers: dict[str, int] = field(default_factory=dict)  # their numbers, by the URL that clients use
    visits: list[Visit] = field(default_factory=list)
    presence: PresenceSeen = field(default_factory=PresenceSeen)
    is_watched: bool = False  # by a witness
    samples: list[Sample] = field(default_factory=list)
    quiet_from: float = 0.0  # nothing failed any more
    ended_at: float = 0.0

    def acts(self) -> dict[tuple[str, str], list[Call]]:
        """Calls by person and key: those of one key are one act."""
        acts: dict[tuple[str, str], list[Call]] = {}
        for call in self.calls:
            if call.key is not None:
                acts.setdefault((call.user, call.key), []).append(call)
        return acts

    def number_of(self, url: str) -> int:
        return self.servers[url]

    def lag_between(self, from_at: float, to_at: float) -> float:
        """By how much this process, which hears for everybody, was itself late."""
        return sum(lag for at, lag in self.lags if from_at <= at <= to_at)


def outcome_of(act: list[Call]) -> str:
    """Of all the calls with one key: "ok" when one was answered so, else "refused" when one was, else "unknown"."""
    outcomes = {call.outcome for call in act}
    if "ok" in outcomes:
        return "ok"
    return "unknown" if "unknown" in outcomes else "refused"
