"""Passwords: argon2id by passlib's maintained fork, off the event loop, with a bound on how many wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from passlib.context import CryptContext

from matching.refusals import Unavailable

T = TypeVar("T")

THREADS = 2
WAITING_MAX = 200  # about 2 s of work at 20 ms each on two cores

# m = 19 MiB, t = 2, p = 1: OWASP's first choice for argon2id; 20 ms where the library's default costs 137.
# bcrypt is only read: hashes brought along from elsewhere are replaced at the next sign-in (C24).
_context = CryptContext(
    schemes=["argon2", "bcrypt"],
    deprecated=["bcrypt"],
    argon2__type="ID",
    argon2__memory_cost=19 * 1024,
    argon2__rounds=2,
    argon2__parallelism=1,
)


class Passwords:
    """Hashes and verifies in a few threads (argon2 releases the GIL). Raises Unavailable when too many wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._waiting = 0
        self._nobodys: str = _context.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        return await self._run(lambda: str(_context.hash(password)))

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a new hash where the stored one should be replaced.

        For nobody's account (None) it takes as long as for somebody's (C23).
        """

        def check() -> tuple[bool, str | None]:
            if stored is not None and stored.startswith("$2") and len(password.encode()) > 72:
                return False, None  # bcrypt has never seen the rest
            right, replacement = _context.verify_and_update(password, stored or self._nobodys)
            return bool(right) and stored is not None, replacement

        return await self._run(check)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Unavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
