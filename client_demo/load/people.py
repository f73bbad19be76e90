"""The people of a load: signed up and signed in by REST, as anybody is."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from client_demo.load.rest import RestWire
from client_demo.load.tally import Refused
from client_demo.load.wire import Server
from client_demo.wire import RestCall

AT_ONCE = 8  # a password takes a server 20 ms to hash, and as long to check


class LimitsAreOn(Exception):
    """The server counts what one address may do, so that what would be measured is its patience."""

    def __init__(self) -> None:
        super().__init__("This server has its rate limits on. Start it with RATE_LIMITS=off, on a market that is for trying.")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who is signed in."""

    id: str
    email: str
    password: str
    token: str

    @property
    def auth(self) -> dict[str, str]:
        """What a socket says."""
        return {"token": self.token}


async def sign_up(server: Server, count: int) -> list[Account]:
    """So many new people. Raises LimitsAreOn, or Refused."""
    run, password = secrets.token_hex(4), secrets.token_urlsafe(12)
    numbers = iter(range(1, count + 1))
    made: list[Account] = []

    async def some(numbers: Iterator[int]) -> None:
        wire = await RestWire.connect(server)
        try:
            for number in numbers:
                email = f"load.{run}.{number}@load.example"
                account = {"name": f"Load {number}", "email": email, "password": password}
                await wire.ask(RestCall("POST", "/auth/register", {}, account, None))
                if wire.limited:
                    raise LimitsAreOn
                made.append(await sign_in(wire, email, password))
        finally:
            wire.close()

    try:
        await asyncio.gather(*(some(numbers) for _ in range(min(AT_ONCE, count))))
    except Refused as no:
        if str(no) == "RATE_LIMITED":
            raise LimitsAreOn from None
        raise
    return made


async def sign_in(wire: RestWire, email: str, password: str) -> Account:
    data = await wire.ask(login_call(email, password))
    return Account(data["user"]["id"], email, password, data["accessToken"])


def login_call(email: str, password: str) -> RestCall:
    return RestCall("POST", "/auth/login", {}, {"email": email, "password": password}, None)
