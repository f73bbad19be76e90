"""`python -m tests.bench [SUBJECT ...]`: measure, and compare. Fails only where what must be the same is not."""

import gc
import os
from collections.abc import Callable, Coroutine

import click
import uvloop

from server.cli import GC_THRESHOLDS
from server.logs import configure_logs
from server.memory import keep_no_large_blocks
from tests.bench import events, idle, matching, messages
from tests.bench.report import Report

SUBJECTS: dict[str, Callable[[], Coroutine[object, object, Report]]] = {
    "events": events.run,
    "idle": idle.run,
    "matching": matching.run,
    "messages": messages.run,
}


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(sorted(SUBJECTS)))
def main(subjects: tuple[str, ...]) -> None:
    """Measure SUBJECTS, or all there are."""
    gc.set_threshold(*GC_THRESHOLDS)  # as the server does
    keep_no_large_blocks()
    configure_logs("warning", "console")
    failures = 0
    for subject in subjects or sorted(SUBJECTS):
        before = os.getloadavg()[0]
        report = uvloop.run(SUBJECTS[subject]())
        report.note(f"The machine: {os.cpu_count()} cores; load average {before:.1f} before, {os.getloadavg()[0]:.1f} after.")
        click.echo(f"{report}\n")
        failures += len(report.failures)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
