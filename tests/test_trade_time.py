"""What time does to trades: an open one expires, a confirmed one falls due (C14, C15, C34). Time is moved by SQL."""

import asyncio
from datetime import datetime, timedelta
from itertools import product

import pytest

import handlers.upkeep
from handlers.upkeep import expire_deals, remind_overdue
from tests.conftest import Market
from tests.letters import letters_with
from tests.people import Person
from tests.trading import BOTH_DOORS, Trade, hears_of, refused, trade_between
from tests.waiting import until, until_answered

LATE = "UPDATE deals SET created_at = now() - interval '8 days', expires_at = now() - interval '1 s' WHERE id = ANY($1)"
DUE = "UPDATE deals SET complete_by = now() - interval '1 s' WHERE id = ANY($1)"


async def time_passes(market: Market, change: str, *trades: Trade) -> None:
    async with market.sql() as connection:
        await connection.execute(change, [trade["id"] for trade in trades])


@BOTH_DOORS
async def test_an_open_trade_expires_and_both_are_told(market: Market, door: str) -> None:
    """C15: the engine says expired; S1's five words say rejected, and why"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    trades = [await trade_between(alice, bob), await trade_between(alice, bob, "interest")]
    await time_passes(market, LATE, *trades)

    for person, trade in product((alice, bob), trades):  # the server's own sweeper comes by within a second or so
        push = await hears_of(person, trade, "expire")
        assert push["change"] == {"status": "rejected", "move": "expire", "by": None, "reason": "expired"}
        assert (push["trade"]["status"], push["trade"]["reason"]) == ("rejected", "expired")
        seen = await person.through(door, "trade:get", tradeId=trade["id"])
        assert (seen["status"], seen["reason"]) == ("rejected", "expired")
    for trade in trades:
        await refused(bob.through(door, "trade:interest", tradeId=trade["id"]), "OFFER_EXPIRED")
        again = {"offeredItem": trade["offeredItem"], "requestedItem": trade["requestedItem"]}
        assert (await alice.through(door, "trade:request", **again))["status"] == "proposed"


async def test_many_that_expire_at_once_expire_once_each_whoever_sweeps(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several sweepers at once, beside the server's own, which goes on batch after batch until none is left."""
    monkeypatch.setattr(handlers.upkeep, "BATCH", 5)
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    hers, his = [[await person.lists() for _ in range(11)] for person in (alice, bob)]
    asking = [alice.by_rest("trade:request", offeredItem=one, requestedItem=other) for one, other in product(hers, his)]
    trades = await asyncio.gather(*asking)
    await time_passes(market, LATE, *trades)

    await asyncio.gather(*(expire_deals(market.service.app) for _ in range(4)))
    async with market.sql() as connection:

        async def all_swept() -> bool:
            ids = [trade["id"] for trade in trades]
            return not await connection.fetchval("SELECT count(*) FROM deals WHERE id = ANY($1) AND status <> 'expired'", ids)

        await until_answered(all_swept, 5.0, what="sweeping all of them")
        changes = await connection.fetch(
            """
            SELECT count(*) FROM entries JOIN conversations ON conversations.id = conversation_id
             WHERE deal_id = ANY($1) AND change ->> 'move' = 'expire' GROUP BY deal_id
            """,
            [trade["id"] for trade in trades],
        )
    assert [row["count"] for row in changes] == [1] * len(trades)


async def test_what_is_confirmed_does_not_expire(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    await time_passes(market, LATE, trade)
    await expire_deals(market.service.app)
    assert (await alice.does("trade:get", tradeId=trade["id"]))["status"] == "confirmed"
    assert (await alice.does("trade:complete", tradeId=trade["id"]))["status"] == "completed"


@BOTH_DOORS
@pytest.mark.parametrize("who", ["requester", "owner"])
async def test_after_fourteen_days_either_side_cancels_alone(market: Market, door: str, who: str) -> None:
    """C14"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    within = datetime.fromisoformat(trade["completeBy"]) - datetime.fromisoformat(trade["confirmedAt"])
    assert (within, trade["overdue"]) == (timedelta(days=14), False)

    await time_passes(market, DUE, trade)
    assert (await alice.through(door, "trade:get", tradeId=trade["id"]))["overdue"] is True
    person = alice if who == "requester" else bob
    done = await person.through(door, "trade:cancel", tradeId=trade["id"])
    assert (done["status"], done["reason"]) == ("rejected", "cancelled")
    for item in (trade["offeredItem"], trade["requestedItem"]):
        assert (await person.through(door, "item:get", itemId=item))["status"] == "available"


async def test_both_are_reminded_once_by_mail_when_a_trade_falls_due(market: Market) -> None:
    """C14"""
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    due = await trade_between(alice, bob, "interest", "confirm")
    disputed = await trade_between(carol, bob, "interest", "confirm")
    await bob.does("trade:dispute", tradeId=disputed["id"])
    in_time = await trade_between(alice, carol, "interest", "confirm")
    await time_passes(market, DUE, due, disputed)

    def letters() -> list[tuple[str, str]]:
        """Whom each reminder is to, and of which of these trades it is."""
        return sorted(
            (str(letter["To"]), trade["id"])
            for trade in (due, disputed, in_time)
            for letter in letters_with(trade["id"], market.data_dir)
            if letter["Subject"].startswith("Not completed yet")  # they were told of the trade before, too
        )

    def expected(*parties: tuple[Person, Trade]) -> list[tuple[str, str]]:
        return sorted((person.email, trade["id"]) for person, trade in parties)

    await asyncio.gather(*(remind_overdue(market.service.app) for _ in range(3)))
    once_each = expected((alice, due), (bob, due), (carol, disputed), (bob, disputed))
    await until(lambda: len(letters()) >= len(once_each), 20.0, what="sending the reminders")
    await remind_overdue(market.service.app)
    async with market.sql() as connection:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM mails WHERE kind = 'overdue' AND user_id = ANY($1)", [alice.id, bob.id, carol.id]
        )
    assert waiting == 0
    assert letters() == once_each
