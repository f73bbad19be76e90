"""Children that never outlive us: they are told to stop when we die, they stop in a bound, and leftovers are found."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from server.embedded.account import Account
from server.embedded.errors import EmbeddedError

LOG_BYTES_MAX = 10_000_000
STOP_SECONDS_MAX = 20
KILL_SECONDS_MAX = 5
POLL_SECONDS = 0.01

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def with_our_death(send: signal.Signals) -> Callable[[], None]:
    """What a child does between fork and exec, so that the kernel sends it `send` when we die. Linux only.

    The kernel means the thread that forked: start children from the main thread.
    """
    parent = os.getpid()
    libc = _libc

    def ask_the_kernel() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(send))
            # We may have died before the call above, and then nothing would ever be sent.
            if os.getppid() != parent:
                os._exit(1)

    return ask_the_kernel


class Child:
    """One program running as our child, what it writes appended to a log that cannot grow for ever."""

    def __init__(self, log: Path, account: Account, stop_signals: tuple[signal.Signals, signal.Signals]) -> None:
        """`stop_signals`: the one that asks it to stop cleanly, and the one for when that took too long."""
        self._log = log
        self._account = account
        self._stop_signals = stop_signals
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def pid(self) -> int:
        """Its process id, also after it has died."""
        assert self._process is not None, "not started"
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self, arguments: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start the program. Raises OSError when it cannot be executed."""
        assert not self.alive(), "already started"
        self.bound_log()
        with self._log.open("ab") as log:
            self._log_offset = log.tell()
            # A session of its own, so that Ctrl-C reaches us alone and we can let go of the database before it stops.
            self._process = subprocess.Popen(  # noqa: S603
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(environment),
                start_new_session=True,
                preexec_fn=with_our_death(self._stop_signals[0]),  # noqa: PLW1509
                user=self._account.switch_user_id,
                group=self._account.switch_group_id,
                extra_groups=self._account.switch_extra_groups,
            )

    def bound_log(self) -> None:
        """Empty the log once it is too long. It is opened for appending, so this is safe while the child writes."""
        with contextlib.suppress(FileNotFoundError):
            if self._log.stat().st_size > LOG_BYTES_MAX:
                os.truncate(self._log, 0)

    def said(self) -> str:
        """What it has written since it was started; at most the last 20,000 bytes."""
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(self._log_offset, log.tell() - 20_000))
            return log.read().decode("utf-8", "replace")

    def ask_to_stop(self) -> None:
        """Send the gentle signal and do not wait; the child does the rest while others are being stopped."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self._stop_signals[0])

    def stop(self) -> None:
        """Stop it and wait until it is gone: gently, then firmly, then by SIGKILL. Takes at most 30 seconds."""
        if self._process is None:
            return
        gentle, firm = self._stop_signals
        for stop_signal, seconds in ((gentle, STOP_SECONDS_MAX), (firm, KILL_SECONDS_MAX)):
            if self._process.poll() is None:
                self._process.send_signal(stop_signal)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(KILL_SECONDS_MAX)


def survivors(program: str, directory: Path) -> list[int]:
    """The processes called `program` that work in `directory`: what a run that was killed has left behind.

    Only to be asked while holding the directory's lock; without it they may be another server's.
    """
    if sys.platform != "linux":
        return _survivors_by_ps(program, directory)
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        process = Path(entry.path)
        with contextlib.suppress(OSError):  # gone meanwhile
            if (process / "comm").read_text().strip() == program and _works_in(process, directory):
                found.append(int(entry.name))
    return found


def _works_in(process: Path, directory: Path) -> bool:
    # The kernel's word for it; root in a container without CAP_SYS_PTRACE may not ask.
    with contextlib.suppress(PermissionError):
        if process.joinpath("cwd").readlink() == directory:
            return True
    return _names((process / "cmdline").read_bytes(), directory)


def _names(command: bytes, directory: Path) -> bool:
    """Whether a command line has `directory`, or something in it, as an argument or as the end of one."""
    return re.search(rb"(?:^|[\0=: ])" + re.escape(os.fsencode(directory)) + rb"(?:$|[\0/ ])", command) is not None


def _survivors_by_ps(program: str, directory: Path) -> list[int]:
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, check=True).stdout
    lines = (line.strip().split(maxsplit=1) for line in listing.splitlines())
    return [
        int(words[0]) for words in lines if len(words) == 2 and program.encode() in words[1] and _names(words[1], directory)
    ]


def stop_survivors(program: str, directory: Path, stop_signals: tuple[signal.Signals, signal.Signals]) -> bool:
    """Stop what an earlier run has left in `directory` and wait until it is gone. True when there was something.

    The kernel has usually told them to stop already, and a second gentle signal changes nothing.
    """
    there_was = False
    for stop_signal, seconds in (
        (stop_signals[0], STOP_SECONDS_MAX),
        (stop_signals[1], KILL_SECONDS_MAX),
        (signal.SIGKILL, KILL_SECONDS_MAX),
    ):
        pids = survivors(program, directory)
        if not pids:
            return there_was
        there_was = True
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, stop_signal)
        wait_until(lambda: not survivors(program, directory), seconds)
    if left := survivors(program, directory):
        raise EmbeddedError(
            f"{program} of an earlier run (process {left[0]}) still works in {directory} and cannot be stopped."
        )
    return there_was


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until `condition` holds, at most `seconds`. Returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
