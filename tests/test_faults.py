"""The fault run in short: a few people, some faults, and every promise counted. `make faults` is the whole of it."""

import re
import sys
from asyncio import create_subprocess_exec, subprocess
from pathlib import Path

SEED = 7


async def test_every_promise_is_kept_while_servers_and_stores_and_connections_fail(tmp_path: Path) -> None:
    run = await create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults", "--seed", str(SEED), "--seconds", "20", "--clients", "12"),
        *("--folder", str(tmp_path)),
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = (await run.communicate())[0].decode()
    assert run.returncode == 0, said
    counted = re.findall(r"^ *(\d+) +0  \S", said, re.MULTILINE)
    assert len(counted) > 40, said
    assert sum(map(int, counted)) > 1_000, "many cases were seen"
    assert (tmp_path / "history.jsonl").stat().st_size > 10_000
