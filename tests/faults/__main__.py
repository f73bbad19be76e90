"""`python -m tests.faults`: one run by one seed. Exit code 1 when a promise broke."""

import random
from pathlib import Path

import click
import uvloop

from tests.faults.broken.builds import BUILDS
from tests.faults.report import report
from tests.faults.run import Plan, run


@click.command()
@click.option("--seed", type=int, default=None, help="What everybody does and what fails; else a new one.")
@click.option(
    "--seconds", type=click.FloatRange(5), default=90.0, show_default=True, help="How long people act and things fail."
)
@click.option("--servers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--clients", type=click.IntRange(4, 200), default=40, show_default=True)
@click.option(
    "--break", "broken", type=click.Choice(sorted(BUILDS)), default=None, help="Run a server that is broken on purpose."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=None, help="For history and logs. [default: var/faults/SEED]"
)
def main(seed: int | None, seconds: float, servers: int, clients: int, broken: str | None, folder: Path | None) -> None:
    """Let people trade and talk while servers, stores and connections fail; then count every promise."""
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}")
    plan = Plan(seed, seconds, servers, clients, broken, folder or Path(f"var/faults/{seed}"))
    outcome = uvloop.run(run(plan, click.echo))
    click.echo(report(outcome))
    raise SystemExit(1 if outcome.broken else 0)


if __name__ == "__main__":
    main()
