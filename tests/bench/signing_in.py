"""People who sign in, beside what nobody can leave out: checking a password, in as many threads as there are cores.

The check is argon2id with the product's parameters (19 MiB, twice), by the library that the product uses. A sign-in reads the
account before, and opens a session after.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import argon2
import asyncpg

from client_demo.load.people import Account
from client_demo.load.signing_in import LOGIN, signing_in
from client_demo.load.wire import Server as Place
from server.sampling import PASSWORD
from tests.bench.report import Figure, Report
from tests.bench.servers import product
from tests.bench.stocked import people_of, stocked

SECONDS = 2.0
ROUNDS = 3
AT_ONCE = 16
PEOPLE = 500
ITEMS_A_PERSON = 8


def checks_a_second(stored: str, seconds: float, threads: int) -> float:
    """How often the password can be checked, by nothing but the library."""
    begun = perf_counter()

    def again_and_again() -> int:
        hasher, count = argon2.PasswordHasher(), 0
        while perf_counter() < begun + seconds:
            assert hasher.verify(stored, PASSWORD)
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        counts = [pool.submit(again_and_again) for _ in range(threads)]
        done = sum(count.result() for count in counts)
    return done / (perf_counter() - begun)


async def run(seconds: float = SECONDS, rounds: int = ROUNDS, at_once: int = AT_ONCE, people: int = PEOPLE) -> Report:
    threads = os.cpu_count() or 1
    report = Report(f"Signing in: {at_once} at once, by REST")
    rates, floors = [], []
    taken: list[float] = []
    async with product(durable=True, before=stocked(people * ITEMS_A_PERSON)) as made:
        connection = await asyncpg.connect(made.database_url)
        stored = await connection.fetchval("SELECT password_hash FROM users LIMIT 1")
        await connection.close()
        accounts = [Account(str(one.id), one.email, PASSWORD, "") for one in await people_of(made.database_url, people)]
        place = Place(made.server.port)
        before = made.spent()
        for _ in range(rounds):
            floors.append(checks_a_second(stored, seconds, threads))
            tally = await signing_in(place, accounts, seconds, at_once)
            rates.append(tally.rate)
            taken += tally.taken[LOGIN]
            if tally.refused:
                report.fail(f"refused: {dict(tally.refused)}")
        spent = made.spent().since(before)
    report.took("sign-in", taken)
    report.add(Figure("sign-ins a second", rates, floors, f"argon2, {threads} threads", ""))
    report.note(f"CPU in both halves, in shares of one core: {spent}; the floor's checks are the load client's.")
    return report
