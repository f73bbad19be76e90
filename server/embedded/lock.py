"""One server per data directory."""

import fcntl
import os
from pathlib import Path

from server.embedded.errors import EmbeddedError


class DirectoryLock:
    """An flock on a file: the kernel lets go of it when its holder dies, however that happens."""

    def __init__(self, path: Path, what: str) -> None:
        """`what` names what the lock guards, as in "the data in /srv/var"."""
        self._path = path
        self._what = what
        self._descriptor: int | None = None

    def take(self) -> None:
        """Hold the lock. Raises EmbeddedError when another process holds it, naming that process where known."""
        if self._descriptor is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"{self._path} cannot be opened ({error.strerror}): start the server as the user who owns that "
                "directory, or set DATA_DIR to another one."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise EmbeddedError(
                f"Another server{f' (process {holder})' if holder else ''} is already running on {self._what}: "
                "stop it first, or set DATA_DIR to another directory."
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise EmbeddedError(
                f"{self._path} cannot be locked ({error.strerror}): set DATA_DIR to a directory on a local disk."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
