"""`swaploop serve`: a running server that says where to go, until it is asked to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

import click
import structlog

from server.config import Config
from server.demo.listings import PASSWORD, PEOPLE
from server.demo.market import load_demo_market
from server.memory import give_back
from server.service import Service, running
from storage.people import user_by_email

log = structlog.get_logger()


TEND_SECONDS = 1.0

Tend = Callable[[], list[str]]


async def serve_until_stopped(config: Config, database_url: str, redis_url: str, tend: Tend, *, demo: bool) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, close the sockets, and return.

    `tend` is called about once a second: it starts embedded parts again that have died, and says so.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with running(config, database_url, redis_url) as service:
            people = await _demo_people(service) if demo else []
            _greet(config, service, people)
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), TEND_SECONDS)
                for sentence in tend():
                    log.warning("embedded.tended", what=sentence)
            click.echo("Stopping …", err=True)
    except OSError as error:
        raise click.ClickException(f"The server cannot listen on {config.host}:{config.port}: {error.strerror}") from None


async def _demo_people(service: Service) -> list[str]:
    """Load the demo market where nobody has registered yet; lines that say who can sign in."""
    if await load_demo_market(service.app, service.pictures) is not None:
        give_back()  # painting two dozen pictures takes 80 MB for two seconds
    async with service.app.database.connection() as tx:
        found = [person for person in PEOPLE if await user_by_email(tx, person.email) is not None]
    emails = ", ".join(person.email for person in found)
    return [f"  who can sign in    {emails}", f"  their password     {PASSWORD}"] if found else []


def _greet(config: Config, service: Service, people: list[str]) -> None:
    url = config.public_url if config.port else f"http://localhost:{service.port}"
    lines = [
        "",
        f"Swaploop serves at {url}",
        f"  API in a browser   {url}/docs",
        f"  is it ready?       {url}/readyz",
        "  a client           make client        (in another terminal)",
        "  a trade, played    make demo",
        *people,
        "Ctrl-C stops it.",
        "",
    ]
    click.echo("\n".join(lines), err=True)
