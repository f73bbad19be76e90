"""What PostgreSQL and Valkey have in common as parts of our server: lock, leftovers, start, wait until ready, stop."""

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from server.embedded.account import Account
from server.embedded.errors import EmbeddedError
from server.embedded.lock import DirectoryLock
from server.embedded.places import own, settle, socket_directory
from server.embedded.supervisor import Child, stop_survivors, survivors, wait_until

# Replaying the log after a crash takes seconds on a disk, minutes on a bad one.
START_SECONDS_MAX = 300
START_ATTEMPTS_MAX = 20


class EmbeddedPart(ABC):
    """A server from a wheel, run as our child on a folder of the data directory. To be used in the main thread only."""

    title: ClassVar[str]
    program: ClassVar[str]  # the name of its processes
    stop_signals: ClassVar[tuple[signal.Signals, signal.Signals]]  # the gentle one, then the firm one

    folder: Path  # where its data is; known from `start` on
    _sockets: Path

    def __init__(self, data: Path, folder_name: str, options: tuple[str, ...]) -> None:
        self.data = data.resolve()
        self.options = options
        self.notices: list[str] = []
        self._folder_name = folder_name
        self._lock = DirectoryLock(self.data / f"{self.program}.lock", f"the data in {self.data}")
        self._child: Child | None = None
        self._owner_pid = os.getpid()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where to connect; valid from `start` on."""

    @property
    def pid(self) -> int:
        """The process id of the main process."""
        assert self._child is not None, "not started"
        return self._child.pid

    @property
    def log(self) -> Path:
        return self.data / f"{self.program}.log"

    def alive(self) -> bool:
        """Whether our child runs. False once it has been killed, until it is started again."""
        return self._child is not None and self._child.alive()

    def start(self) -> Self:
        """Start it and wait until it takes connections. Nothing happens when it runs. Raises EmbeddedError."""
        if self.alive():
            return self
        try:
            self._lock.take()
            self._start_on(*self._settle())
        except OSError as error:
            self.stop()
            where = f" {error.filename}" if error.filename else ""
            raise EmbeddedError(f"{self.title} did not start: {error.strerror}{where}.") from error
        except BaseException:
            self.stop()
            raise
        return self

    def tend(self) -> str | None:
        """Start it again when it has died, without waiting, and keep its log short; to be called about once a second.

        Returns a sentence when it was started again or could not be. What is left of the dead one is waited for over
        several calls.
        """
        if self._child is None or os.getpid() != self._owner_pid:
            return None
        if self._child.alive():
            self._child.bound_log()
            return None
        if survivors(self.program, self.folder):
            return None
        try:
            self._spawn(self._child)
        except OSError as error:
            return f"{self.title} has died and cannot be started again: {error.strerror}; its log is {self.log}."
        return f"{self.title} had died and was started again (process {self.pid}); its log is {self.log}."

    def ask_to_stop(self) -> None:
        """Tell it to stop and do not wait for it."""
        if self._child is not None and os.getpid() == self._owner_pid:
            self._child.ask_to_stop()

    def stop(self) -> None:
        """Stop it cleanly and wait until it is gone, at most 30 seconds. Nothing happens when it does not run.

        Nothing happens either in a process that was forked from the one that started it.
        """
        if os.getpid() != self._owner_pid:
            return
        if self._child is not None:
            self._child.stop()
            self._child = None
            if self._sockets != self.folder:
                with contextlib.suppress(OSError):  # not empty when it had to be killed
                    self._sockets.rmdir()
        self._lock.release()

    def _settle(self) -> tuple[Path, Account]:
        folder, account = settle(self.data, self._folder_name)
        if folder.parent != self.data:
            self.notices.append(
                f"User {account.name}, who runs the database for root, cannot go to {self.data}: "
                f"its data is in {folder.parent}."
            )
        if folder.exists():
            own(folder, account)
        return folder, account

    def _start_on(self, folder: Path, account: Account) -> None:
        self.folder = folder
        if stop_survivors(self.program, folder, self.stop_signals):
            self.notices.append(f"{self.title} of an earlier run that was killed was still there, and has been stopped.")
        self._prepare(folder, account)
        self._sockets = socket_directory(folder, account)
        child = Child(self.log, account, self.stop_signals)
        for _ in range(START_ATTEMPTS_MAX):
            self._spawn(child)
            self._child = child
            ready = wait_until(lambda: not child.alive() or self._ready(), START_SECONDS_MAX)
            if ready and child.alive():
                return
            if not (ready and self._worth_another_try(child.said())):
                break
        raise EmbeddedError(self._explain(child.said()))

    @abstractmethod
    def _prepare(self, folder: Path, account: Account) -> None:
        """Make the folder ready to be started on."""

    @abstractmethod
    def _spawn(self, child: Child) -> None:
        """Start the program."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it takes connections."""

    def _worth_another_try(self, said: str) -> bool:
        """Whether what it said before it ended will pass by itself."""
        return False

    @abstractmethod
    def _explain(self, said: str) -> str:
        """A sentence for why it did not start, from what it said."""
