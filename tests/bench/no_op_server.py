"""`python -m tests.bench.no_op_server`: the product, with one action more, which does nothing; prints its port.

On the PostgreSQL and Redis of DATABASE_URL and REDIS_URL, with the settings of the environment, until SIGTERM.
"""

import asyncio
import gc
import signal

import uvloop

from handlers.action import Call, Done, Input, Limit, Work, action
from server.cli import GC_THRESHOLDS
from server.config import read_config
from server.logs import configure_logs
from server.memory import keep_no_large_blocks
from server.service import running
from tests.bench.profiling import profiled


class Something(Input):
    text: str
    number: int
    flags: list[bool]


@action("bench:nothing", route=None, limit=Limit.SIGNAL, work=Work.OWN)
async def do_nothing(call: Call, ask: Something) -> Done:
    """Done."""
    return Done()


async def serve() -> None:
    config = read_config()
    configure_logs(config.log_level, config.log_format)
    assert config.database_url is not None, "the bench has made one"
    assert config.redis_url is not None, "the bench has started one"
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with running(config, config.database_url, config.redis_url) as service:
        print(service.port, flush=True)  # noqa: T201 - this is what it is asked for
        with profiled():
            await stopped.wait()


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLDS)  # as `swaploop serve` does
    keep_no_large_blocks()
    uvloop.run(serve())
