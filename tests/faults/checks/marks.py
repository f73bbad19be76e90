"""A read mark only moves forward; with Redis lost, those of the last second may fall back, and no others."""

from collections import defaultdict

from tests.faults.devices import SeenMark
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.weather import Weather

WRITTEN_SECONDS_MAX = 3.0  # by then a mark is in PostgreSQL, when nothing is away
MARKS = """
    SELECT conversations.id::text AS conversation, user_id::text AS person, read_seq
      FROM conversations JOIN parties USING (deal_id)
"""


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    at_least: dict[tuple[str, str], list[SeenMark]] = defaultdict(list)  # it was so, or further, from then on
    exactly: dict[tuple[str, str], list[SeenMark]] = defaultdict(list)  # it was so at some moment between
    for device in evidence.devices:
        for mark in device.marks:
            at_least[mark.conversation, mark.user].append(mark)
    for call in evidence.calls:
        if not call.is_ok:
            continue
        if call.event == "message:read":
            place = (call.payload["conversationId"], call.user)
            exactly[place].append(SeenMark(*place, call.answer["lastReadSeq"], call.sent_at, call.ended_at))
        elif call.event == "conversation:list":
            for shown in call.answer["items"]:
                place = (shown["id"], call.user)
                exactly[place].append(SeenMark(*place, shown["lastReadSeq"], call.sent_at, call.ended_at))
    for row in await sql.fetch(MARKS):
        now = evidence.clock.now()
        place = (row["conversation"], row["person"])
        exactly[place].append(SeenMark(*place, row["read_seq"], now, now))

    cases = excused = 0
    broken = []
    for place, marks in exactly.items():
        for mark in marks:
            before = [old for old in at_least[place] + marks if old.to_at < mark.from_at]
            if not before:
                continue
            cases += 1
            furthest = [old for old in before if old.seq > mark.seq]
            unexcused = [old for old in furthest if not _may_fall_back(evidence.weather, old, mark)]
            excused += bool(furthest) and not unexcused
            if unexcused:
                old = max(unexcused, key=lambda one: one.seq)
                broken.append(
                    f"{place[1]} in {place[0]} had read {old.seq} at {old.to_at:.1f} s, and {mark.seq} at {mark.from_at:.1f} s"
                )
    return [
        finding(
            "a read mark only moves forward", cases, broken, f"{excused} fell back with a Redis lost within their last second"
        )
    ]


def _may_fall_back(weather: Weather, old: SeenMark, new: SeenMark) -> bool:
    """Whether Redis was lost before it could have been written behind."""
    for was in weather.failed:
        if was.fault.loses_marks and old.from_at - 1.0 <= was.ended_at and was.began_at <= new.to_at:
            soon = was.began_at - old.to_at < WRITTEN_SECONDS_MAX
            if soon or weather.any_between(old.from_at - 1.0, old.to_at + WRITTEN_SECONDS_MAX):
                return True
    return False
