"""People who sign in, by REST."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter

from client_demo.load.people import Account, sign_in
from client_demo.load.rest import RestWire
from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Server

LOGIN = "POST /auth/login"


async def signing_in(server: Server, accounts: Sequence[Account], seconds: float, at_once: int) -> Tally:
    """`at_once` connections on which people sign in, one after the other."""
    tally = Tally()
    turns = cycle(accounts)
    begun = perf_counter()

    async def again_and_again() -> None:
        wire = await RestWire.connect(server)
        try:
            while perf_counter() < begun + seconds:
                account = next(turns)
                try:
                    with tally.timed(LOGIN):
                        await sign_in(wire, account.email, account.password)
                except Refused:
                    continue  # it is tallied
        finally:
            wire.close()

    await asyncio.gather(*(again_and_again() for _ in range(at_once)))
    tally.seconds = perf_counter() - begun
    return tally
