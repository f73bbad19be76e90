"""The command line, `swaploop`: serve, client, demo, ring, load, migrate, sample, check-config."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from dotenv import load_dotenv

from server.config import SETTINGS, Config, ConfigError, read_config
from server.embedded import EmbeddedError, start_parts
from server.logs import configure_logs
from server.process import GC_THRESHOLDS, Tend, prepare_to_serve, run
from storage.database import POOL_SIZE
from storage.migrate import MigrationEdited

__all__ = ["GC_THRESHOLDS", "main"]

CONNECTIONS_BESIDES = 90  # to an embedded PostgreSQL, with those of the workers: for who migrates, looks, or measures

# Of `swaploop load`
SCENARIOS = ("connecting", "idling", "signing-in", "listing", "talking", "trading", "mixed")

URL = click.option("--url", default="http://localhost:8000", show_default=True, help="Where the server is.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="swaploop")
def main() -> None:
    """Swaploop: list what you own, propose swaps, talk, settle.

    Settings are environment variables, or lines of a file .env; `swaploop check-config` shows them all.
    """
    load_dotenv(".env")


@main.command()
@click.option("--demo/--no-demo", default=None, help="Load the demo market into an empty database. [default: if embedded]")
def serve(demo: bool | None) -> None:
    """Serve on HOST:PORT until Ctrl-C.

    Without DATABASE_URL and REDIS_URL, a real PostgreSQL and a real Valkey are started in DATA_DIR, and stopped at the end.
    """
    config = _config()
    prepare_to_serve()
    if config.workers == 1:
        from server.serving import serve_until_stopped
    else:
        from server.workers import serve_by_workers as serve_until_stopped
    with _stores(config) as stores:
        wanted = demo if demo is not None else config.database_url is None
        run(serve_until_stopped(config, stores.database_url, stores.redis_url, stores.tend, demo=wanted))


@main.command()
@URL
@click.option("--email", default=None, help="Sign in as this person.")
def client(url: str, email: str | None) -> None:
    """Browse, trade and chat in the terminal."""
    from client_demo.app import run

    run(url, email)


@main.command()
@URL
@click.option("--fast", is_flag=True, help="Without the pauses for reading.")
def demo(url: str, fast: bool) -> None:
    """Play a swap of two and a ring of three, from finding it to swapped ownership, against a running server."""
    from client_demo.play import play

    run(play(url, 0.0) if fast else play(url))


@main.command()
@click.argument("email")
@click.argument("item")
@URL
@click.option("--password", envvar="SWAPLOOP_PASSWORD", help="Theirs; else SWAPLOOP_PASSWORD, else it is asked for.")
@click.option("--people", type=click.IntRange(3, 10), default=5, show_default=True, help="At most so many in the ring.")
def ring(email: str, item: str, url: str, password: str | None, people: int) -> None:
    """Print the best ring through ITEM of the person EMAIL as an SVG picture. ITEM: its id, or words of its title."""
    from client_demo.ring_command import ring as ring_picture

    asked = password or click.prompt("Password", hide_input=True, err=True)
    click.echo(run(ring_picture(url, email, asked, item, people)), nl=False)


@main.command()
@click.argument("scenarios", nargs=-1, type=click.Choice(SCENARIOS))
@URL
@click.option("--people", type=click.IntRange(2, 20_000), default=50, show_default=True, help="So many at once.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Each scenario lasts so long."
)
@click.option(
    "--think", type=click.FloatRange(0.01, 600), default=1.0, show_default=True, help="Seconds between two actions of one."
)
def load(scenarios: tuple[str, ...], url: str, people: int, seconds: float, think: float) -> None:
    """Put a load on a running server: SCENARIOS, or mixed; how many a second, and how long each took.

    The server needs RATE_LIMITS=off. Whoever is signed up for it stays, with what they traded: not for a market that matters.
    """
    from client_demo.load.command import load as put_load

    run(put_load(url, scenarios or ("mixed",), people, seconds, think))


@main.command()
def migrate() -> None:
    """Bring the database up to date, and say what was applied."""
    from storage.migrate import migrate as apply

    config = _config()
    with _stores(config) as stores:
        applied = run(apply(stores.database_url))
    click.echo("\n".join(f"applied {name}" for name in applied) or "up to date")


@main.command()
@click.argument("items", type=click.IntRange(1, 10_000_000))
@click.option("--messages", type=click.IntRange(0, 10_000_000), default=None, help="[default: as many as items]")
def sample(items: int, messages: int | None) -> None:
    """Fill the market with ITEMS generated items, their people, trades and conversations."""
    from server.sampling import fill_market

    config = _config()
    with _stores(config) as stores:
        run(fill_market(stores.database_url, items, items if messages is None else messages))


@main.command("check-config")
def check_config() -> None:
    """Show every setting and what it is now, or what is wrong."""
    config = _config()
    width = max(len(setting.name) for setting in SETTINGS)
    for setting in SETTINGS:
        click.echo(f"{setting.name:<{width}}  {_shown(config, setting.name)}")
        click.echo(f"{'':<{width}}  {setting.story}")
    click.echo("\nThe settings are good.")


def _shown(config: Config, name: str) -> str:
    values: dict[str, object] = {
        "DATABASE_URL": "(given)" if config.database_url else "(embedded)",
        "REDIS_URL": "(given)" if config.redis_url else "(embedded)",
        "SECRET_KEY": "(kept to itself)",
        "SMTP_URL": "(given)" if config.smtp_url else "(files)",
        "CORS_ORIGINS": ", ".join(config.cors_origins),
        "TRANSPORTS": ",".join(config.transports),
        "ACCESS_TOKEN_TTL": int(config.access_token_lifetime.total_seconds()),
        "REFRESH_TOKEN_TTL": int(config.refresh_token_lifetime.total_seconds()),
        "RATE_LIMITS": "on" if config.rate_limits else "off",
        "TRUSTED_PROXIES": ", ".join(map(str, config.trusted_proxies)) or "(none)",
    }
    return str(values.get(name, getattr(config, name.lower(), "")))


def _config() -> Config:
    try:
        config = read_config()
    except ConfigError as error:
        sys.exit(f"These settings cannot be used:\n{error}")
    configure_logs(config.log_level, config.log_format)
    return config


@dataclass(frozen=True, slots=True)
class Stores:
    """Where PostgreSQL and Redis are, and what keeps embedded ones alive."""

    database_url: str
    redis_url: str
    tend: Tend


@contextmanager
def _stores(config: Config) -> Iterator[Stores]:
    """Those whose URLs were given, or embedded ones that run as long as the block."""
    try:
        with start_parts(
            config.data_dir,
            postgres=not config.database_url,
            valkey=not config.redis_url,
            postgres_options=(f"max_connections={CONNECTIONS_BESIDES + config.workers * POOL_SIZE}",),
        ) as parts:
            for notice in parts.notices:
                click.echo(notice, err=True)
            database_url = config.database_url or parts.database_url
            redis_url = config.redis_url or parts.redis_url
            assert database_url is not None, "what is not given is embedded"
            assert redis_url is not None, "what is not given is embedded"
            yield Stores(database_url, redis_url, parts.tend)
    except (EmbeddedError, MigrationEdited) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
