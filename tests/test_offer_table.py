"""Every move of what was opened as an offer, in every state it can be in, by everybody who can ask, through both doors.

S2.37 to S2.48, C1 to C5, C14, C34, C35. A refusal changes nothing: not the offer, not its terms, not its log, not an item.
"""

from collections.abc import AsyncIterator

import pytest

from tests import tables
from tests.conftest import Market
from tests.stage import OfferStage, due, set_up
from tests.tables import S1_WORDS, S2_WORDS, Cell, Row, row_name


@pytest.fixture(scope="module")
async def stage(market: Market) -> AsyncIterator[OfferStage]:
    async with set_up(OfferStage, market) as made:
        yield made


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("row", tables.OFFER.refusals(strangers="not-there"), ids=row_name)
async def test_what_is_refused_changes_nothing(stage: OfferStage, row: Row, door: str) -> None:
    before = await stage.everything_about(stage.untouched[row.state])
    assert await stage.refusals(row, door) == row.refused
    assert await stage.everything_about(stage.untouched[row.state]) == before


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("cell", tables.OFFER.allowed, ids=row_name)
async def test_what_is_allowed_brings_what_the_table_says(stage: OfferStage, cell: Cell, door: str) -> None:
    offer_id = await stage.deal_that_is(cell.state)
    before = await stage.everything_about(offer_id)
    answered = await stage.asks(stage.people[cell.who], door, cell.move, offer_id)
    after = await stage.everything_about(offer_id)
    status = before["deal"]["status"] if cell.answer in ("asked", "again") else cell.answer
    said_by_trades, said_by_offers = S1_WORDS.get(status, status), S2_WORDS.get(status, status.upper())
    assert answered["status"] == (said_by_trades if stage.event(cell.move).startswith("trade:") else said_by_offers)
    if cell.answer == "again":
        assert after == before, "who says it twice has said it once"
        return
    assert after["deal"]["status"] == status
    assert after["last_seq"] == before["last_seq"] + 1
    assert after["revisions"] == before["revisions"] + (cell.move == "counter"), "every round is kept (C35)"
    assert after == after | due(after), "items are held, freed or moved as the status says"
