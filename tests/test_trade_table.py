"""Every move of what was opened as a trade, in every state it can be in, by everybody who can ask, through both doors.

S1.34 to S1.56, C1 to C5, C14, C35. A refusal changes nothing: not the trade, not its terms, not its log, not an item.
"""

from collections.abc import AsyncIterator

import pytest

from tests import tables
from tests.conftest import Market
from tests.stage import TradeStage, due, set_up
from tests.tables import S1_WORDS, S2_WORDS, Cell, Row, row_name


@pytest.fixture(scope="module")
async def stage(market: Market) -> AsyncIterator[TradeStage]:
    async with set_up(TradeStage, market) as made:
        yield made


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("row", tables.TRADE.refusals(strangers="not-there"), ids=row_name)
async def test_what_is_refused_changes_nothing(stage: TradeStage, row: Row, door: str) -> None:
    before = await stage.everything_about(stage.untouched[row.state])
    assert await stage.refusals(row, door) == row.refused
    assert await stage.everything_about(stage.untouched[row.state]) == before


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("cell", tables.TRADE.allowed, ids=row_name)
async def test_what_is_allowed_brings_what_the_table_says(stage: TradeStage, cell: Cell, door: str) -> None:
    trade_id = await stage.deal_that_is(cell.state)
    before = await stage.everything_about(trade_id)
    answered = await stage.asks(stage.people[cell.who], door, cell.move, trade_id)
    after = await stage.everything_about(trade_id)
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
