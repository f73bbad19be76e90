"""`python -m tests.bench [SUBJECT ...]`: measure, and compare. Fails only where what must be the same is not."""

import gc
import os
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path

import click
import uvloop

from server.cli import GC_THRESHOLDS
from server.logs import configure_logs
from server.memory import keep_no_large_blocks
from tests.bench import connecting, events, idle, listing, matching, messages, mixed, signing_in, trades, workers
from tests.bench.plot import drawn
from tests.bench.profiling import PROFILE, Profile
from tests.bench.report import Report

SUBJECTS: dict[str, Callable[[], Coroutine[object, object, Report]]] = {
    "connecting": connecting.run,
    "events": events.run,
    "idle": idle.run,
    "listing": listing.run,
    "matching": matching.run,
    "messages": messages.run,
    "mixed": mixed.run,
    "signing-in": signing_in.run,
    "trades": trades.run,
    "workers": workers.run,
}


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(sorted(SUBJECTS)))
@click.option("--profile", is_flag=True, help="Say where the time of the server goes; sampling it costs a little.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the figures into this SVG file, too.")
def main(subjects: tuple[str, ...], profile: bool, plot: Path | None) -> None:
    """Measure SUBJECTS, or all there are."""
    gc.set_threshold(*GC_THRESHOLDS)  # as the server does
    keep_no_large_blocks()
    configure_logs("warning", "console")
    reports = []
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        if profile:
            os.environ[PROFILE] = folder
        for subject in subjects or sorted(SUBJECTS):
            before = os.getloadavg()[0]
            report = uvloop.run(SUBJECTS[subject]())
            report.note(
                f"The machine: {os.cpu_count()} cores; load average {before:.1f} before, {os.getloadavg()[0]:.1f} after."
            )
            click.echo(f"{report}\n")
            if profile:
                click.echo(f"{Profile.read(folder)}\n")
            reports.append(report)
    if plot is not None:
        try:
            plot.write_text(drawn(reports), encoding="utf-8")
        except ValueError as no:
            raise click.ClickException(str(no)) from None
    raise SystemExit(1 if any(report.failures for report in reports) else 0)


if __name__ == "__main__":
    main()
