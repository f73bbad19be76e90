"""`python -m tests.faults.self_test`: the fault run against builds that are broken on purpose. Each has to be caught."""

import random
from pathlib import Path

import click
import uvloop

from tests.faults.broken.builds import BUILDS
from tests.faults.evidence import Finding
from tests.faults.run import Plan, run

# The promise that each of them breaks: that another one is broken too, or only another, proves nothing.
CAUGHT_BY = {
    "confirm-by-read-check-write": "a confirmed or disputed deal holds every item",
    "propose-without-locks": "no open deal names an item that is held",
    "pub-sub-only": "an acknowledged change is pushed to every connected party",
    "marks-go-back": "a read mark only moves forward",
    "keys-after-commit": "what was acknowledged happened exactly once",
    "answers-before-commit": "what was acknowledged happened exactly once",
    "agrees-after-expiry": "nothing is agreed to after its expiry",
    "sessions-live-on": "within 5 s, where nothing is in the way of it",
    "keeps-pushes": "does not grow: larger objects of the server",
    "leaves-tasks": "does not grow: tasks of the server",
}
# What grows is not seen at once: these are run when they are asked for by name, for so long.
GROW = ("keeps-pushes", "leaves-tasks")
GROW_SECONDS = 240.0


@click.command()
@click.argument("builds", nargs=-1, type=click.Choice(sorted(BUILDS)))
@click.option("--seed", type=int, default=None, help="What everybody does and what fails; else a new one.")
@click.option("--seconds", type=click.FloatRange(5), default=45.0, show_default=True, help="How long each has to be caught.")
def main(builds: tuple[str, ...], seed: int | None, seconds: float) -> None:
    """Run each of BUILDS, or all that are caught soon, and see whether the checker finds what is wrong with it."""
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    missed = 0
    for name in builds or [name for name in BUILDS if name not in GROW]:
        click.echo(f"{name}: seed {seed}")
        grows = name in GROW
        folder = Path(f"var/faults/{name}-{seed}")
        plan = Plan(seed, GROW_SECONDS if grows else seconds, broken=name, folder=folder, watched=grows)
        outcome = uvloop.run(run(plan, lambda _: None))
        caught = [finding for finding in outcome.broken if finding.promise.startswith(CAUGHT_BY[name])]
        for finding in caught:
            click.echo(f"  caught: {_line(finding)}")
        others = [finding for finding in outcome.broken if finding not in caught]
        for finding in others:
            click.echo(f"  besides: {_line(finding)}")
        if not caught:
            click.echo("  NOT CAUGHT")
            missed += 1
    raise SystemExit(1 if missed else 0)


def _line(finding: Finding) -> str:
    return f"{finding.promise}: {len(finding.broken)} of {finding.cases}, as {finding.broken[0][:200]}"


if __name__ == "__main__":
    main()
