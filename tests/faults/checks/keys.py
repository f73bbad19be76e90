"""The same key, the same answer: from either door and any server, at once or later."""

import json

from tests.faults.devices import PASSING
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.history import Call


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    cases = 0
    broken = []
    for act in evidence.acts().values():
        answers = {_said(call): call for call in act if call.outcome != "unknown" and call.code not in PASSING}
        cases += sum(len(call.attempts) for call in act) > 1
        if len(answers) > 1:
            one, other = list(answers.values())[:2]
            broken.append(f"{one.event} of {one.device} at {one.sent_at:.1f} s: {_said(one)[:120]} and {_said(other)[:120]}")
    internal = [
        f"{call.event} of {call.device} at {call.sent_at:.1f} s"
        for call in evidence.calls
        if call.code == "INTERNAL" or any(attempt.outcome == "INTERNAL" for attempt in call.attempts)
    ]
    ended = [f"{call.event} of {call.device}: {call.message}" for call in evidence.calls if call.code == "UNAUTHENTICATED"]
    return [
        finding("the same key gets the same answer", cases, broken, "asked more than once, by doors and servers in turn"),
        finding("no call is answered by a bug (INTERNAL)", len(evidence.calls), internal),
        finding("nobody is signed out by a fault", len({call.user for call in evidence.calls}), ended),
    ]


def _said(call: Call) -> str:
    return json.dumps([call.outcome, call.code, call.message, call.answer], sort_keys=True)
