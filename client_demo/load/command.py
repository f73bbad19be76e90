"""`swaploop load`: a load on a server that is there, and how it went."""

import asyncio
import random
import resource
import sys
from collections.abc import Sequence
from time import perf_counter

from client_demo.load import listing
from client_demo.load.asking import Asker
from client_demo.load.catalogue import Catalogue
from client_demo.load.connecting import connecting, idling, ignore
from client_demo.load.mixed import Crowd
from client_demo.load.people import Account, LimitsAreOn, sign_up
from client_demo.load.signing_in import signing_in
from client_demo.load.swapping import paired
from client_demo.load.talking import Talkers
from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Server, connect
from client_demo.wire import Data

SCENARIOS = {
    "connecting": "they connect, and leave at once, again and again",
    "idling": "they connect, and say nothing",
    "signing-in": "they sign in by REST, again and again",
    "listing": "they leaf through the market, by socket and then by REST, as fast as it answers",
    "talking": "they write to each other, two by two; how soon each message is acknowledged, and heard by the other",
    "trading": "they swap two things back and forth, from proposal to completion",
    "mixed": "they browse, read, write and trade, and think in between",
}
AT_ONCE_MAX = 50  # who connect or sign in at the same time
FILES_BESIDES = 200


async def load(url: str, scenarios: Sequence[str], people: int, seconds: float, think_seconds: float) -> None:
    """Sign `people` up and let them do each of `scenarios`; a table for each goes to standard output.

    Raises SystemExit with a sentence when no server answers, it has its rate limits on, or it refuses what must be possible.
    """
    try:
        server = Server.at(url)
        _allow_files(people)
        refused = 0
        print(f"Signing up {people:,} people at {url} …", file=sys.stderr)
        accounts = await sign_up(server, people)
        for scenario in scenarios:
            for name, tally in (await _play(scenario, server, accounts, seconds, think_seconds)).items():
                print(f"\n{name}: {SCENARIOS[scenario]}\n\n{tally.table()}", flush=True)
                refused += sum(tally.refused.values())
    except (ValueError, LimitsAreOn) as no:
        sys.exit(str(no))
    except Refused as no:
        sys.exit(f"The server at {url} refused what a load needs: {no}")
    except (OSError, TimeoutError) as error:
        sys.exit(f"The server at {url} does not answer: {str(error) or type(error).__name__}")
    if refused:
        sys.exit(f"\n{refused:,} calls were refused or broke.")


async def _play(
    scenario: str, server: Server, accounts: Sequence[Account], seconds: float, think_seconds: float
) -> dict[str, Tally]:
    """What came of it, by name."""
    auths = [account.auth for account in accounts]
    even = auths[: len(auths) // 2 * 2]  # two by two
    at_once = min(AT_ONCE_MAX, len(accounts))
    match scenario:
        case "connecting":
            return {scenario: await connecting(server, auths, seconds, at_once)}
        case "idling":
            return {scenario: await idling(server, auths, seconds, at_once)}
        case "signing-in":
            return {scenario: await signing_in(server, accounts, seconds, at_once)}
        case "listing":
            return await _leaf(server, accounts, seconds)
        case "mixed":
            crowd = await Crowd.gather(server, even)
            await crowd.live(seconds, think_seconds)
            if unheard := await crowd.unheard():
                crowd.tally.refused["message:new", "not heard"] += unheard
            await crowd.leave()
            return {scenario: crowd.tally}
        case "talking" | "trading":
            return {scenario: await _two_by_two(scenario, server, even, seconds)}
    raise ValueError(f"There is no scenario {scenario!r}.")


async def _leaf(server: Server, accounts: Sequence[Account], seconds: float) -> dict[str, Tally]:
    wires = await connect(server, [account.auth for account in accounts], ignore)
    try:
        catalogue = await Catalogue.of(Asker(wires[0], Tally()))
        chance = random.Random(1)

        def next_page() -> Data:
            return catalogue.page(chance)

        by_socket = await listing.by_socket(wires, next_page, seconds)
    finally:
        for wire in wires:
            wire.close()
    return {
        "listing, by socket": by_socket,
        "listing, by REST": await listing.by_rest(server, accounts, next_page, seconds),
    }


async def _two_by_two(scenario: str, server: Server, auths: Sequence[object], seconds: float) -> Tally:
    """Each as fast as the other answers."""
    wires = await connect(server, list(auths), ignore)
    ready, tally = Tally(), Tally()
    askers = [Asker(wire, ready) for wire in wires]
    try:
        swaps = await paired(askers)
        begun = perf_counter()
        if scenario == "trading":
            for asker in askers:
                asker.tally = tally
            await asyncio.gather(*(swap.go_on(begun + seconds) for swap in swaps))
        else:
            talk = await Talkers(wires, [swap.conversation for swap in swaps]).closed_loop(seconds)
            tally.taken["message:send"].extend(talk.acknowledgements)
            tally.taken["message:new, heard"].extend(talk.pushes)
            if talk.refused or talk.unheard > 0:
                tally.refused["message:send", "refused"] = len(talk.refused)
                tally.refused["message:new", "not heard"] = max(talk.unheard, 0)
        tally.seconds = perf_counter() - begun
        for asker in askers:
            asker.tally = ready
        if scenario == "trading":
            await asyncio.gather(*(swap.end() for swap in swaps))
    finally:
        for wire in wires:
            wire.close()
    return tally


def _allow_files(people: int) -> None:
    """As many connections as there are people. Raises ValueError where this machine does not allow that."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if people + FILES_BESIDES > most:
        raise ValueError(f"{people:,} people take as many open files, and ulimit -n allows {most:,}.")
