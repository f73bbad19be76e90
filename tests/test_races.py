"""Many at once on one database, by two servers and both doors: what the database promises holds after every storm (D1 to D4).

No deadlock is left to a retry either: PostgreSQL counts them, and there is none.
"""

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from handlers.dispatch import Refused as Refusal
from handlers.dispatch import Request, dispatch
from storage.moves import lock_deal
from tests.conftest import OpenMarket
from tests.crowds import Ask, Crowd, Outcomes, open_crowd
from tests.people import Person, Refused
from tests.promises import broken_promises
from tests.trading import Trade, trade_between


@pytest.fixture(scope="module")
async def crowd(open_market: OpenMarket) -> AsyncIterator[Crowd]:
    async with open_crowd(open_market) as crowd:
        yield crowd


@pytest.fixture(autouse=True)
async def _promises_hold_afterwards(crowd: Crowd) -> AsyncIterator[None]:
    yield
    async with crowd.market.sql() as connection:
        assert await broken_promises(connection) == []


async def statuses(person: Person, trades: list[Trade]) -> list[str]:
    return [(await person.by_rest("trade:get", tradeId=trade["id"]))["status"] for trade in trades]


async def negotiated(crowd: Crowd, rounds: int) -> list[Trade]:
    """As many trades of a camera of Alice's for a bicycle of Bob's, ready to be confirmed."""
    return await asyncio.gather(*(trade_between(crowd.alice, crowd.bob, "interest") for _ in range(rounds)))


def named(trade: Trade) -> dict[str, Any]:
    return {"tradeId": trade["id"]}


async def test_of_fifty_trades_that_share_an_item_one_is_confirmed(crowd: Crowd) -> None:
    """S1.47 to S1.50, D1"""
    bicycle = await crowd.bob.lists("The bicycle everybody wants")
    things = [await crowd.alice.lists() for _ in range(50)]
    requests = [{"offeredItem": thing, "requestedItem": bicycle} for thing in things]
    trades = [await trade_between(crowd.alice, crowd.bob, "interest", **request) for request in requests]
    answers = await crowd.at_once(*((crowd.bob, "trade:confirm", named(trade)) for trade in trades))
    assert Counter(answers) == {"OK": 1, "INVALID_STATE": 49}
    assert Counter(await statuses(crowd.alice, trades)) == {"confirmed": 1, "rejected": 49}
    async with crowd.market.sql() as connection:
        assert await connection.fetchval("SELECT count(*) FROM item_holds WHERE item_id = $1", bicycle) == 1


async def test_an_item_offered_in_one_trade_and_requested_in_another_goes_to_one_of_them(crowd: Crowd) -> None:
    """D2"""
    alice, bob, carol = crowd.alice, crowd.bob, crowd.carol
    for _ in range(12):
        camera = await alice.lists()
        offered = await trade_between(alice, bob, "interest", offeredItem=camera, requestedItem=await bob.lists())
        requested = await trade_between(carol, alice, "interest", offeredItem=await carol.lists(), requestedItem=camera)
        answers = await crowd.at_once((bob, "trade:confirm", named(offered)), (alice, "trade:confirm", named(requested)))
        assert sorted(answers) == ["INVALID_STATE", "OK"]
        assert sorted(await statuses(alice, [offered, requested])) == ["confirmed", "rejected"]


async def test_a_thousand_times_who_proposes_while_another_confirms_never_has_an_open_trade_on_a_held_item(
    crowd: Crowd,
) -> None:
    """D4, by both servers' connections: what comes before the confirm is rejected by it, what comes after is refused."""
    rounds, at_a_time = 1_000, 25
    alice, bob, carol = await crowd.market.cast.people("Alice", "Bob", "Carol")  # without devices: nothing is pushed to them
    apps = [crowd.market.service.app, crowd.other.service.app]

    async def ask(app: int, person: Person, event: str, **raw: object) -> Any:
        caller = apps[app].tokens.read(person.token)
        answer = await dispatch(apps[app], Request(name=event, raw=raw, door="rest", caller=caller))
        return answer.body.error.code if isinstance(answer.body, Refusal) else answer.body.data  # type: ignore[union-attr]  # without a key it is no Raw

    async def listed(person: Person) -> str:
        item = {"title": "A thing", "description": "", "category": "other", "condition": "GOOD", "lookingFor": "flexible"}
        return str((await ask(0, person, "item:create", **item)).id)

    async def one_round(number: int) -> tuple[str, ...]:
        here, there = number % 2, 1 - number % 2
        camera, bicycle, lamp = [await listed(person) for person in (alice, bob, carol)]
        trade = await ask(here, alice, "trade:request", offeredItem=camera, requestedItem=bicycle)
        await ask(there, bob, "trade:interest", tradeId=str(trade.id))
        answers = await asyncio.gather(
            ask(here, bob, "trade:confirm", tradeId=str(trade.id)),
            ask(there, carol, "trade:request", offeredItem=lamp, requestedItem=bicycle),
            ask(there, carol, "trade:request", offeredItem=lamp, requestedItem=camera),
        )
        return tuple(answer if isinstance(answer, str) else "OK" for answer in answers)

    outcomes: Counter[tuple[str, ...]] = Counter()
    for start in range(0, rounds, at_a_time):
        outcomes.update(await asyncio.gather(*(one_round(start + number) for number in range(at_a_time))))
    assert {confirmed for confirmed, *_ in outcomes} == {"OK"}
    assert {proposed for _, *both in outcomes for proposed in both} == {"OK", "ITEM_UNAVAILABLE"}, "each came first at times"


async def test_twenty_who_complete_at_once_swap_the_owners_once(crowd: Crowd) -> None:
    """S1.53, D3"""
    for trade in await negotiated(crowd, 5):
        await crowd.bob.by_rest("trade:confirm", **named(trade))
        people = itertools.cycle([crowd.alice, crowd.bob])
        answers = await crowd.at_once(*((next(people), "trade:complete", named(trade)) for _ in range(20)))
        assert Counter(answers) == {"OK": 1, "INVALID_STATE": 19}
        for item, owner in ((trade["offeredItem"], crowd.bob), (trade["requestedItem"], crowd.alice)):
            assert (await owner.by_rest("item:get", itemId=item))["owner"] == owner.id
            assert len(await owner.by_rest("item:history", itemId=item)) == 2


ONE_OF_THEM: Outcomes = {("OK", "INVALID_STATE"), ("INVALID_STATE", "OK")}

# What the owner's confirm meets: who does it, to which item (else to the trade), and what may come of the two.
MEETS: dict[str, tuple[str, str | None, dict[str, Any], Outcomes]] = {
    "trade:confirm": ("owner", None, {}, ONE_OF_THEM),
    "trade:reject": ("owner", None, {}, ONE_OF_THEM),
    "trade:cancel": (
        "requester",
        None,
        {},
        {("OK", "OK"), ("INVALID_STATE", "OK")},
    ),  # once confirmed, it asks for a mutual one
    "item:delete": ("requester", "offeredItem", {}, {("OK", "ITEM_LOCKED"), ("INVALID_STATE", "OK")}),
    "item:update": ("requester", "offeredItem", {"title": "Old"}, {("OK", "ITEM_LOCKED"), ("STALE_REVISION", "OK")}),
    "item:list-for-sale": ("requester", "offeredItem", {"price": 5}, {("OK", "ITEM_LOCKED"), ("ACTIVE_LISTING", "OK")}),
}


@pytest.mark.parametrize("event", MEETS)
async def test_a_confirm_and_what_contradicts_it_do_not_both_happen(crowd: Crowd, event: str) -> None:
    who, side, more, allowed = MEETS[event]
    person = crowd.alice if who == "requester" else crowd.bob
    pairs: list[tuple[Ask, Ask]] = []
    for trade in await negotiated(crowd, 16):
        target = named(trade) if side is None else {"itemId": trade[side]}
        pairs.append(((crowd.bob, "trade:confirm", named(trade) | {"revision": 1}), (person, event, target | more)))
    assert await crowd.two_at_once(pairs) <= allowed


# How two end a trade at once: after which moves, who says what, what may come of it, and the words it may end in.
ENDINGS: list[tuple[list[str], tuple[str, str], tuple[str, str], Outcomes, set[str]]] = [
    ([], ("requester", "cancel"), ("owner", "cancel"), {("OK", "OK")}, {"rejected"}),
    (["requester:cancel"], ("owner", "cancel"), ("requester", "complete"), ONE_OF_THEM, {"rejected", "completed"}),
    ([], ("owner", "dispute"), ("requester", "complete"), {("OK", "OK"), ("INVALID_STATE", "OK")}, {"confirmed", "completed"}),
    (["owner:dispute"], ("requester", "complete"), ("owner", "complete"), {("OK", "OK")}, {"completed"}),
    (["owner:dispute"], ("requester", "cancel"), ("owner", "cancel"), {("OK", "OK")}, {"rejected"}),
]


@pytest.mark.parametrize(("before", "one", "other", "allowed", "ends"), ENDINGS)
async def test_two_who_end_a_confirmed_trade_at_once_end_it_once(
    crowd: Crowd, before: list[str], one: tuple[str, str], other: tuple[str, str], allowed: Outcomes, ends: set[str]
) -> None:
    """D7"""
    people = {"requester": crowd.alice, "owner": crowd.bob}
    trades = await negotiated(crowd, 12)
    for trade, step in itertools.product(trades, ["owner:confirm", *before]):
        who, move = step.split(":")
        await people[who].by_rest(f"trade:{move}", **named(trade))

    def ask(said: tuple[str, str], trade: Trade) -> Ask:
        return people[said[0]], f"trade:{said[1]}", named(trade)

    assert await crowd.two_at_once([(ask(one, trade), ask(other, trade)) for trade in trades]) <= allowed
    assert set(await statuses(crowd.alice, trades)) <= ends


async def test_who_waits_for_an_item_has_the_deal_as_it_then_is_and_need_not_begin_again(crowd: Crowd) -> None:
    (trade,) = await negotiated(crowd, 1)
    deal_id, bob = UUID(trade["id"]), UUID(crowd.bob.id)
    async with crowd.market.sql() as holding, crowd.market.service.app.database.transaction() as waiting:
        change = holding.transaction()
        await change.start()
        await holding.execute("UPDATE items SET title = 'Repaired' WHERE id = $1", UUID(trade["offeredItem"]))
        await holding.execute("UPDATE deals SET reason = 'because' WHERE id = $1", deal_id)
        locked = asyncio.create_task(lock_deal(waiting, deal_id, bob))
        await asyncio.sleep(0.1)
        assert not locked.done()
        await change.commit()
        record = await locked
    assert record is not None
    assert record.reason == "because"


async def test_a_stranger_locks_nothing(crowd: Crowd) -> None:
    """S1.68"""
    (trade,) = await negotiated(crowd, 1)
    async with crowd.market.sql() as other, crowd.market.service.app.database.transaction() as tx:
        assert await lock_deal(tx, UUID(trade["id"]), UUID(crowd.carol.id)) is None
        await other.fetch("SELECT FROM items WHERE id = $1 FOR UPDATE NOWAIT", UUID(trade["offeredItem"]))
        await other.fetch("SELECT FROM deals WHERE id = $1 FOR UPDATE NOWAIT", UUID(trade["id"]))


async def test_a_rival_that_is_being_edited_is_rejected_all_the_same(crowd: Crowd) -> None:
    """S1.48, C17: the edit gives the rival new terms while the confirm waits for it"""
    rivals, asks = [], []
    for trade in await negotiated(crowd, 40):
        lamp = await crowd.carol.lists()
        request = {"offeredItem": lamp, "requestedItem": trade["requestedItem"]}
        rivals.append(await trade_between(crowd.carol, crowd.bob, **request))
        confirm: Ask = (crowd.bob, "trade:confirm", named(trade))
        edit: Ask = (crowd.carol, "item:update", {"itemId": lamp, "title": "A lamp, repaired"})
        asks += [edit, confirm]
    assert set(await crowd.at_once(*asks)) == {"OK"}
    assert set(await statuses(crowd.carol, rivals)) == {"rejected"}


async def test_two_who_edit_the_items_of_one_trade_at_once_both_get_into_the_terms(crowd: Crowd) -> None:
    """C17"""
    trades = await negotiated(crowd, 20)
    edits: list[Ask] = []
    for trade in trades:
        edits.append((crowd.alice, "item:update", {"itemId": trade["offeredItem"], "title": "A better camera"}))
        edits.append((crowd.bob, "item:update", {"itemId": trade["requestedItem"], "title": "A better bicycle"}))
    assert set(await crowd.at_once(*edits)) == {"OK"}
    for trade in trades:
        seen = await crowd.alice.by_rest("trade:get", **named(trade))
        assert seen["revision"] == 3
        assert {leg["title"] for leg in seen["legs"]} == {"A better camera", "A better bicycle"}


async def test_bundles_that_cross_each_other_take_turns(crowd: Crowd) -> None:
    """Each shares items with many others, named in any order: nobody waits in a ring, nothing is held twice."""
    chance = random.Random(7)
    hers, his = [[await person.lists() for _ in range(8)] for person in (crowd.alice, crowd.bob)]
    trades: list[Trade] = []
    while len(trades) < 30:
        request = {"offeredItem": chance.sample(hers, 3), "requestedItem": chance.sample(his, 3)}
        with contextlib.suppress(Refused):  # the same swap twice, by chance
            trades.append(await trade_between(crowd.alice, crowd.bob, "interest", **request))
    answers = await crowd.at_once(*((crowd.bob, "trade:confirm", named(trade)) for trade in trades))
    assert set(answers) == {"OK", "INVALID_STATE"}
    assert (await statuses(crowd.alice, trades)).count("confirmed") == answers.count("OK") > 0
