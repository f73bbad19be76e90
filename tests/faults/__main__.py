"""`python -m tests.faults`: one run by one seed. Exit code 1 when a promise broke, or was never put to the test."""

import random
from pathlib import Path

import click
import uvloop

from tests.faults.broken.builds import BUILDS
from tests.faults.report import report
from tests.faults.run import Plan, run

WATCHED_SECONDS = 300.0


@click.command()
@click.option("--seed", type=int, default=None, help="What everybody does and what fails; else a new one.")
@click.option(
    "--seconds", type=click.FloatRange(5), default=90.0, show_default=True, help="How long people act and things fail."
)
@click.option("--servers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option(
    "--workers",
    default=None,
    callback=lambda _context, _option, value: value and tuple(int(one) for one in value.split(",")),
    help="Processes of each server, as 2; or as 1,2: of the first, and of the others. [default: 1; where watched: 1,2]",
)
@click.option("--clients", type=click.IntRange(4, 200), default=40, show_default=True)
@click.option(
    "--break", "broken", type=click.Choice(sorted(BUILDS)), default=None, help="Run a server that is broken on purpose."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=None, help="For history and logs. [default: var/faults/SEED]"
)
@click.option(
    "--watched/--unwatched",
    default=None,
    help="One more server that is never killed, in which nothing may grow. [default: where it lasts for 300 s or more]",
)
def main(
    seed: int | None,
    seconds: float,
    servers: int,
    workers: tuple[int, ...] | None,
    clients: int,
    broken: str | None,
    folder: Path | None,
    watched: bool | None,
) -> None:
    """Let people trade and talk while servers, stores and connections fail; then count every promise."""
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}")
    watched = seconds >= WATCHED_SECONDS if watched is None else watched
    workers = workers or ((1, 2) if watched and not broken else (1,))
    plan = Plan(seed, seconds, servers, workers, clients, broken, folder or Path(f"var/faults/{seed}"), watched)
    outcome = uvloop.run(run(plan, click.echo))
    click.echo(report(outcome))
    raise SystemExit(0 if outcome.is_good else 1)


if __name__ == "__main__":
    main()
