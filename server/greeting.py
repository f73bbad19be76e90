"""What the terminal says when the server is up, and when it cannot be."""

from collections.abc import Iterable

import click

from server.config import Config


def greet(config: Config, port: int, people: Iterable[str]) -> None:
    """Say where to go. `people`: lines that say who can sign in."""
    url = config.public_url if config.port else f"http://localhost:{port}"
    serves = "Swaploop serves" if config.workers == 1 else f"Swaploop, in {config.workers} processes, serves"
    lines = [
        "",
        f"{serves} at {url}",
        f"  API in a browser   {url}/docs",
        f"  is it ready?       {url}/readyz",
        "  a client           make client        (in another terminal)",
        "  a trade, played    make demo",
        *people,
        "Ctrl-C stops it.",
        "",
    ]
    click.echo("\n".join(lines), err=True)


def cannot_listen(config: Config, error: OSError) -> click.ClickException:
    return click.ClickException(f"The server cannot listen on {config.host}:{config.port}: {error.strerror}")


def cannot_reach_database(error: OSError) -> click.ClickException:
    return click.ClickException(f"PostgreSQL cannot be reached: {error}")
