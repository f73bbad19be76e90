"""A process that serves, until it is asked to stop: the only one there is, or one of several workers.

`python -m server.serving` is a worker, which `server.workers` starts.
"""

import os

import click
import msgspec

from server.config import Config, read_config
from server.demo.listings import PASSWORD, PEOPLE
from server.demo.market import load_demo_market
from server.greeting import cannot_listen, cannot_reach_database, greet
from server.logs import configure_logs
from server.memory import give_back
from server.orders import VARIABLE, Orders
from server.process import Tend, prepare_to_serve, run, stop_asked, tend_until
from server.service import CannotListen, Service, running
from storage.people import user_by_email


async def serve_until_stopped(config: Config, database_url: str, redis_url: str, tend: Tend, *, demo: bool) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, close the sockets, and return.

    `tend` is called about once a second: it starts embedded parts again that have died, and says so.
    """
    stop = stop_asked()
    try:
        async with running(config, database_url, redis_url) as service:
            greet(config, service.port, await _demo_people(service) if demo else [])
            await tend_until(stop, tend)
            click.echo("Stopping …", err=True)
    except CannotListen as error:
        raise cannot_listen(config, error.cause) from None
    except OSError as error:
        raise cannot_reach_database(error) from None


async def serve_as_worker(orders: Orders) -> None:
    """The same, saying so to who started us, and to nobody else."""
    stop = stop_asked()
    config = read_config()
    configure_logs(config.log_level, config.log_format)
    assert config.database_url is not None, "whoever started us has told us"
    assert config.redis_url is not None, "whoever started us has told us"
    async with running(config, config.database_url, config.redis_url, orders.place) as service:
        people = await _demo_people(service) if orders.demo else []
        os.write(orders.tell, msgspec.json.encode(people) + b"\n")
        await tend_until(stop, list)


async def _demo_people(service: Service) -> list[str]:
    """Load the demo market where nobody has registered yet; lines that say who can sign in."""
    if await load_demo_market(service.app, service.pictures) is not None:
        give_back()  # painting two dozen pictures takes 80 MB for two seconds
    async with service.app.database.connection() as tx:
        found = [person for person in PEOPLE if await user_by_email(tx, person.email) is not None]
    emails = ", ".join(person.email for person in found)
    return [f"  who can sign in    {emails}", f"  their password     {PASSWORD}"] if found else []


if __name__ == "__main__":
    prepare_to_serve()
    told = msgspec.json.decode(os.environ.pop(VARIABLE), type=Orders)
    os.set_inheritable(told.tell, False)
    run(serve_as_worker(told))
