"""Every move of what was opened as a trade, in every state it can be in, by everybody who can ask, through both doors.

S1.34 to S1.56, C1 to C5, C14, C35. A refusal changes nothing: not the trade, not its terms, not its log, not an item.
"""

from collections.abc import AsyncIterator

import pytest

from tests import tables
from tests.conftest import Market
from tests.stage import TradeStage, set_up
from tests.tables import Cell, Row, row_name


@pytest.fixture(scope="module")
async def stage(market: Market) -> AsyncIterator[TradeStage]:
    async with set_up(TradeStage, market) as made:
        yield made


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("row", tables.TRADE.refusals(strangers="not-there"), ids=row_name)
async def test_what_is_refused_changes_nothing(stage: TradeStage, row: Row, door: str) -> None:
    await stage.refuses(row, door)


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("cell", tables.TRADE.allowed, ids=row_name)
async def test_what_is_allowed_brings_what_the_table_says(stage: TradeStage, cell: Cell, door: str) -> None:
    await stage.makes(cell, door)
