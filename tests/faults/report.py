"""What a run came to, for people."""

from collections import Counter

from tests.faults.evidence import SHOWN_MAX
from tests.faults.run import Outcome

WIDTH = 118


def report(outcome: Outcome) -> str:
    evidence = outcome.evidence
    calls = Counter(call.outcome for call in evidence.calls)
    attempts = sum(len(call.attempts) for call in evidence.calls)
    lines = [
        f"seed {outcome.plan.seed}: {len(evidence.calls)} calls in {evidence.quiet_from:.0f} s ({calls['ok']} ok, "
        f"{calls['refused']} refused, {calls['unknown']} never answered), {attempts} attempts; history: {outcome.plan.history}",
        f"{len(evidence.weather.failed)} faults:",
    ]
    faults = Counter(was.fault.name for was in evidence.weather.failed)
    lines += [f"  {count} × {name}" for name, count in sorted(faults.items())]
    lines += ["", f"{'cases':>8} {'broken':>7}  promise"]
    for finding in outcome.findings:
        remark = f" ({finding.remark})" if finding.remark else ""
        lines.append(f"{finding.cases:>8} {len(finding.broken):>7}  {finding.promise}{remark}")
        lines += [f"{'':>18}✗ {one[:400]}" for one in finding.broken[:SHOWN_MAX]]
    broken = len(outcome.broken)
    lines += [
        "",
        f'{len(outcome.findings)} promises, {broken or "none"} broken. Again: make faults ARGS="--seed {outcome.plan.seed}"',
    ]
    return "\n".join(lines)
