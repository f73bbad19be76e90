"""Every move of a trade, in every state it can be in, by everybody who can ask, through both doors (S1.34 to S1.56, C5, C14).

The table was written from the requirements. Each state is come to by real moves; only time is moved by SQL. A refusal
changes nothing: not the deal, not its log, not a hold, not an item.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

import server.upkeep
from handlers.app import App
from handlers.upkeep import expire_deals
from tests.conftest import Market
from tests.people import Person, Refused
from tests.promises import broken_promises
from tests.raw_socket import raw_socket

MOVES = ("interest", "confirm", "complete", "reject", "cancel", "dispute")
# What each move answers: the status printed afterwards, or why not.
TABLE = """
proposed              requester  not-yours    no         no         not-yours  rejected   no
proposed              owner      negotiating  no         no         rejected   not-yours  no
negotiating           requester  no           not-yours  no         not-yours  rejected   no
negotiating           owner      no           confirmed  no         rejected   not-yours  no
proposed-late         requester  too-late     too-late   too-late   too-late   too-late   too-late
proposed-late         owner      too-late     too-late   too-late   too-late   too-late   too-late
negotiating-late      requester  too-late     too-late   too-late   too-late   too-late   too-late
negotiating-late      owner      too-late     too-late   too-late   too-late   too-late   too-late
expired               requester  too-late     too-late   too-late   too-late   too-late   too-late
expired               owner      too-late     too-late   too-late   too-late   too-late   too-late
confirmed             requester  no           no         completed  no         asked      confirmed
confirmed             owner      no           no         completed  no         asked      confirmed
confirmed-let-go      requester  no           no         completed  no         again      confirmed
confirmed-let-go      owner      no           no         completed  no         rejected   confirmed
confirmed-overdue     requester  no           no         completed  no         rejected   confirmed
confirmed-overdue     owner      no           no         completed  no         rejected   confirmed
disputed              requester  no           no         asked      no         asked      no
disputed              owner      no           no         asked      no         asked      no
disputed-received     requester  no           no         again      no         asked      no
disputed-received     owner      no           no         completed  no         asked      no
disputed-overdue      requester  no           no         asked      no         rejected   no
disputed-overdue      owner      no           no         asked      no         rejected   no
completed             requester  no           no         no         no         no         no
completed             owner      no           no         no         no         no         no
rejected              requester  no           no         no         no         no         no
rejected              owner      no           no         no         no         no         no
cancelled             requester  no           no         no         no         no         no
cancelled             owner      no           no         no         no         no         no
"""
REFUSALS = {
    "not-yours": "FORBIDDEN",
    "no": "INVALID_STATE",
    "too-late": "OFFER_EXPIRED",
    "not-there": "NOT_FOUND",
    "who-are-you": "UNAUTHENTICATED",
}

# How a trade comes to each state: who makes which move, and what time does.
COMES_BY = {
    "proposed": "",
    "negotiating": "owner:interest",
    "proposed-late": "time:expiry",
    "negotiating-late": "owner:interest time:expiry",
    "expired": "owner:interest time:expiry time:sweep",
    "confirmed": "owner:interest owner:confirm",
    "confirmed-let-go": "owner:interest owner:confirm requester:cancel",  # by the requester, who waits for the owner
    "confirmed-overdue": "owner:interest owner:confirm time:deadline",
    "disputed": "owner:interest owner:confirm owner:dispute",
    "disputed-received": "owner:interest owner:confirm owner:dispute requester:complete",
    "disputed-overdue": "owner:interest owner:confirm owner:dispute time:deadline",
    "completed": "owner:interest owner:confirm requester:complete",
    "rejected": "owner:interest owner:reject",
    "cancelled": "requester:cancel",
}
# Time passes: moved in the database, since nobody wants to wait.
TIME = {
    "expiry": "UPDATE deals SET created_at = now() - interval '8 days', expires_at = now() - interval '1 s' WHERE id = $1",
    "deadline": "UPDATE deals SET complete_by = now() - interval '1 s' WHERE id = $1",
}
EVERYTHING = """
    SELECT to_jsonb(deal) - 'reminded_at' AS deal,
           (SELECT jsonb_agg(to_jsonb(party) ORDER BY position) FROM parties AS party WHERE deal_id = deal.id) AS parties,
           (SELECT last_seq FROM conversations WHERE deal_id = deal.id) AS last_seq,
           (SELECT count(*) FROM item_holds WHERE deal_id = deal.id) AS holds,
           (SELECT count(*) FROM ownership WHERE item_id = ANY(deal.item_ids)) AS ledger_lines,
           (SELECT jsonb_agg(jsonb_build_array(id, owner_id, status) ORDER BY id)
              FROM items WHERE id = ANY(deal.item_ids)) AS items
      FROM deals AS deal WHERE deal.id = $1
"""


def cells() -> list[tuple[str, str, str, str]]:
    """(state, who, move, answer) of the whole table, with what everybody else is answered in any state."""
    found = []
    for line in TABLE.strip().splitlines():
        state, who, *answers = line.split()
        found += [(state, who, move, answer) for move, answer in zip(MOVES, answers, strict=True)]
    for state in COMES_BY:
        found += [(state, "stranger", move, "not-there") for move in MOVES]
        found += [(state, "nobody", move, "who-are-you") for move in MOVES]
    return found


@dataclass(slots=True)
class Stage:
    """The people of this table, and a trade in each state that only refusals touch."""

    market: Market
    people: dict[str, Person]
    connection: "asyncpg.Connection[asyncpg.Record]"
    untouched: dict[str, str] = field(default_factory=dict)

    async def trade_that_is(self, state: str) -> str:
        """A new trade that has come to this state; its id."""
        requester, owner = self.people["requester"], self.people["owner"]
        items = {"offeredItem": await requester.lists(), "requestedItem": await owner.lists()}
        trade_id: str = (await requester.by_rest("trade:request", **items))["id"]
        for step in COMES_BY[state].split():
            who, what = step.split(":")
            if who != "time":
                await self.people[who].by_rest(f"trade:{what}", tradeId=trade_id)
            elif what == "sweep":
                await expire_deals(self.market.service.app)
            else:
                await self.connection.execute(TIME[what], trade_id)
        return trade_id

    async def everything_about(self, trade_id: str) -> dict[str, Any]:
        row = await self.connection.fetchrow(EVERYTHING, trade_id)
        assert row is not None
        return {name: json.loads(value) if isinstance(value, str) else value for name, value in row.items()}


@pytest.fixture(scope="module")
async def stage(market: Market) -> AsyncIterator[Stage]:
    async with market.sql() as connection:
        with pytest.MonkeyPatch.context() as patch:
            # The sweeper does not come by here, so that what is late and not yet swept can be looked at.
            patch.setattr(server.upkeep, "expire_deals", _nothing)
            names = ("requester", "owner", "stranger")
            people = dict(zip(names, await market.cast.people(*names, connected=True), strict=True))
            made = Stage(market, people, connection)
            for state in sorted(
                COMES_BY, key=lambda state: state != "expired"
            ):  # the sweep that makes it takes all that is late
                made.untouched[state] = await made.trade_that_is(state)
            yield made
            broken = await broken_promises(connection)
    assert broken == []


async def _nothing(_: App) -> int:
    return 0


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize(("state", "who", "move", "answer"), cells())
async def test_each_move_is_made_or_refused_as_the_table_says(
    stage: Stage, state: str, who: str, move: str, answer: str, door: str
) -> None:
    if answer in REFUSALS:
        trade_id = stage.untouched[state]
        before = await stage.everything_about(trade_id)
        assert await refused(stage, who, door, move, trade_id) == REFUSALS[answer]
        assert await stage.everything_about(trade_id) == before, "a refusal changes nothing"
        return

    trade_id = await stage.trade_that_is(state)
    before = await stage.everything_about(trade_id)
    trade = await stage.people[who].through(door, f"trade:{move}", tradeId=trade_id)
    after = await stage.everything_about(trade_id)
    status = "confirmed" if answer in ("asked", "again") else answer
    assert trade["status"] == status
    if answer == "again":
        assert after == before, "who says it twice has said it once"
        return
    assert after["last_seq"] == before["last_seq"] + 1
    assert after["holds"] == (2 if status == "confirmed" else 0)
    assert {item_status for _, _, item_status in after["items"]} == (
        {"traded"} if status in ("confirmed", "completed") else {"available"}
    )
    owners_before, owners_after = ([owner for _, owner, _ in at["items"]] for at in (before, after))
    assert owners_after == (owners_before[::-1] if status == "completed" else owners_before)
    assert after["ledger_lines"] == before["ledger_lines"] + (2 if status == "completed" else 0)


async def refused(stage: Stage, who: str, door: str, move: str, trade_id: str) -> str:
    """The code of the refusal. Whoever has not signed in does not even get a socket to ask by."""
    if who == "nobody" and door == "socket":
        async with raw_socket(stage.market.cast) as raw:
            packet = await raw.connect({})
        assert packet is not None
        return str(json.loads(packet.removeprefix("44"))["data"]["code"])
    if who == "nobody":
        asking = stage.market.cast.call("POST", f"/trades/{trade_id}/{move}", {})
    else:
        asking = stage.people[who].through(door, f"trade:{move}", tradeId=trade_id)
    with pytest.raises(Refused) as no:
        await asking
    return no.value.code
