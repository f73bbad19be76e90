"""The parts that the server brings itself, as one thing to start and to stop."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from server.embedded.lock import DirectoryLock
from server.embedded.part import EmbeddedPart
from server.embedded.postgres import EmbeddedPostgres
from server.embedded.valkey import EmbeddedValkey


class Parts:
    """What `start_parts` has started. Also a context manager that stops it."""

    def __init__(self, lock: DirectoryLock, postgres: EmbeddedPostgres | None, valkey: EmbeddedValkey | None) -> None:
        self._lock = lock
        self._owner_pid = os.getpid()
        self.postgres = postgres
        self.valkey = valkey

    @property
    def database_url(self) -> str | None:
        """For asyncpg; None when PostgreSQL was not asked for."""
        return self.postgres.url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        """For redis-py; None when Valkey was not asked for."""
        return self.valkey.url if self.valkey else None

    @property
    def notices(self) -> list[str]:
        """Sentences for whoever started the server, as where the data is when it is not in the data directory."""
        return list(dict.fromkeys(notice for part in self._parts for notice in part.notices))

    def start(self) -> None:
        """Start what does not run. Raises EmbeddedError."""
        if self._parts:
            self._lock.take()
        for part in self._parts:
            part.start()

    def tend(self) -> list[str]:
        """Start again what has died, without waiting for it. To be called in the main thread about once a second.

        Returns a sentence for each that was started again or could not be. Takes a few milliseconds then, and
        microseconds otherwise.
        """
        return [sentence for part in self._parts if (sentence := part.tend()) is not None]

    def stop(self) -> None:
        """Stop all of it cleanly and wait, at most 30 seconds each. May be called again, and does nothing then.

        It does nothing either in a process that was forked from the one that started them.
        """
        if os.getpid() != self._owner_pid:
            return
        with contextlib.ExitStack() as stack:
            stack.callback(self._lock.release)
            for part in self._parts:
                stack.callback(part.stop)
                part.ask_to_stop()

    @property
    def _parts(self) -> list[EmbeddedPart]:
        return [part for part in (self.postgres, self.valkey) if part is not None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def start_parts(data_dir: Path, *, postgres: bool = True, valkey: bool = True, postgres_options: tuple[str, ...] = ()) -> Parts:
    """Start PostgreSQL and Valkey on `data_dir`, or the one that is asked for, and wait until they take connections.

    Raises EmbeddedError, its message a sentence for the terminal, when another server runs on `data_dir` or when
    something keeps them from starting; then nothing is left running.
    """
    data = data_dir.resolve()
    parts = Parts(
        DirectoryLock(data / "lock", f"the data in {data}"),
        EmbeddedPostgres(data, postgres_options) if postgres else None,
        EmbeddedValkey(data) if valkey else None,
    )
    try:
        parts.start()
    except BaseException:
        parts.stop()
        raise
    return parts
