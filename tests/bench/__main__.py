"""`python -m tests.bench [SUBJECT ...]`: measure, and compare. Fails only where what must be the same is not."""

import gc
from collections.abc import Callable, Coroutine

import click
import uvloop

from server.cli import GC_THRESHOLDS
from server.memory import keep_no_large_blocks
from tests.bench import events, matching
from tests.bench.report import Report

SUBJECTS: dict[str, Callable[[], Coroutine[object, object, Report]]] = {
    "events": events.run,
    "matching": matching.run,
}


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(sorted(SUBJECTS)))
def main(subjects: tuple[str, ...]) -> None:
    """Measure SUBJECTS, or all there are."""
    gc.set_threshold(*GC_THRESHOLDS)  # as the server does
    keep_no_large_blocks()
    failures = 0
    for subject in subjects or sorted(SUBJECTS):
        report = uvloop.run(SUBJECTS[subject]())
        click.echo(f"{report}\n")
        failures += len(report.failures)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
