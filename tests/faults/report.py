"""What a run came to, for people."""

from collections import Counter

from tests.faults.evidence import SHOWN_MAX
from tests.faults.run import Outcome
from tests.faults.watch import RUN_MEMORY

WIDTH = 118


def report(outcome: Outcome) -> str:
    evidence = outcome.evidence
    calls = Counter(call.outcome for call in evidence.calls)
    attempts = sum(len(call.attempts) for call in evidence.calls)
    lines = [
        f"seed {outcome.plan.seed}: {len(evidence.calls)} calls in {evidence.quiet_from:.0f} s ({calls['ok']} ok, "
        f"{calls['refused']} refused, {calls['unknown']} never answered), {attempts} attempts; history: {outcome.plan.history}",
        f"{len(evidence.weather.failed)} faults, {evidence.weather.together()} of them at the same time as another:",
    ]
    late = sum(seconds for _, seconds in evidence.lags)
    lines.insert(1, f"this run itself, which hears for everybody, was late {len(evidence.lags)} times, by {late:.1f} s in all")
    if own := [sample.values[RUN_MEMORY] for sample in evidence.samples]:
        lines.insert(1, f"this run itself had {max(own):.0f} MB at the most")
    came: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for was in evidence.weather.failed:
        came[was.fault.name] += 1
        hit[was.fault.name] += was.felt_times
    lines += [f"  {count} × {name}, {hit[name]} hit" for name, count in sorted(came.items())]
    if missing := [name for name in evidence.weather.kinds() if not hit[name]]:
        lines.append(f"never came, or hit nothing: {', '.join(missing)}")
    lines += ["", f"{'cases':>8} {'broken':>7}  promise"]
    for finding in outcome.findings:
        remark = f" ({finding.remark})" if finding.remark else ""
        broken = str(len(finding.broken)) if finding.cases or finding.broken else "unseen"
        lines.append(f"{finding.cases:>8} {broken:>7}  {finding.promise}{remark}")
        lines += [f"{'':>18}✗ {one[:400]}" for one in finding.broken[:SHOWN_MAX]]
    verdict = f"{len(outcome.broken) or 'none'} broken"
    if outcome.unseen:
        verdict += f", {len(outcome.unseen)} not seen" + (": too few cases" if outcome.missed else " in so short a run")
    lines += ["", f'{len(outcome.findings)} promises, {verdict}. Again: make faults ARGS="{outcome.plan.arguments}"']
    return "\n".join(lines)
