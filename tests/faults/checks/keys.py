"""The same key, the same answer: from either door and any server, at once or later."""

from tests.faults.devices import PASSING
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.history import Call


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    cases = other_doors = 0
    broken = []
    for act in evidence.acts().values():
        answered = [call for call in act if call.outcome != "unknown" and call.code not in PASSING]
        if len(answered) < 2:
            continue
        cases += 1
        other_doors += len({(call.attempts[-1].door, call.attempts[-1].server) for call in answered}) > 1
        if len({call.said for call in answered}) > 1:
            one, other = answered[0], next(call for call in answered if call.said != answered[0].said)
            broken.append(f"{one.event} of {one.device} at {one.sent_at:.1f} s: {_said(one)} and {_said(other)}")
    mismatched = [_where(call) for call in evidence.calls if call.code == "IDEMPOTENCY_MISMATCH"]
    internal = [
        _where(call)
        for call in evidence.calls
        if call.code == "INTERNAL" or any(attempt.outcome == "INTERNAL" for attempt in call.attempts)
    ]
    ended = [f"{call.event} of {call.device}: {call.message}" for call in evidence.calls if call.code == "UNAUTHENTICATED"]
    again = [call for call in evidence.calls if len(call.attempts) > 1]
    return [
        finding("the same key gets the same answer", cases, broken, f"{other_doors} by another door or server"),
        finding("what is asked again with its key is never taken for something else", len(again) + cases, mismatched),
        finding("no call is answered by a bug (INTERNAL)", len(evidence.calls), internal),
        finding("nobody is signed out by a fault", len({call.user for call in evidence.calls}), ended),
    ]


def _said(call: Call) -> str:
    return f"{call.outcome} {call.code} {call.message} {call.answer} (number {call.number} in the history)"


def _where(call: Call) -> str:
    return f"{call.event} of {call.device} at {call.sent_at:.1f} s"
