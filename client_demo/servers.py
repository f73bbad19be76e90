"""Where the servers are: one address, or several of which any gives the same answer."""

import random
from collections.abc import Sequence


class Servers:
    """Addresses to take in turn. With one, it is always that one."""

    def __init__(self, urls: str | Sequence[str]) -> None:
        self.urls = tuple(url.rstrip("/") for url in ([urls] if isinstance(urls, str) else urls))
        assert self.urls, "there is at least one server"
        self._turn = random.randrange(len(self.urls))

    def next(self) -> str:
        """The next one in turn: who repeats a call that got no answer repeats it elsewhere."""
        self._turn = (self._turn + 1) % len(self.urls)
        return self.urls[self._turn]

    def other_than(self, failed: str | None) -> str:
        """Any but the one that has just failed, so that the people of a server that dies scatter over the others."""
        return random.choice([url for url in self.urls if url != failed] or self.urls)
