"""One clock for what the run sees itself and for what the database wrote: seconds since the run began."""

import time
from datetime import datetime


class Clock:
    def __init__(self) -> None:
        self._wall = time.time()
        self._monotonic = time.monotonic()  # the event loop's, too

    def now(self) -> float:
        return time.monotonic() - self._monotonic

    def of_loop(self, seconds: float) -> float:
        """From the event loop's time."""
        return seconds - self._monotonic

    def of_database(self, at: datetime) -> float:
        """From the database's time: it runs on this machine."""
        return at.timestamp() - self._wall
