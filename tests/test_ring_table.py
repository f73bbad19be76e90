"""Every move of a ring, in every state it can be in, by everybody who can ask, through both doors; cycles and chains.

S2.60, S2.64 to S2.72, S2.106, C14, C27, C28, C30, C31, C33. A refusal changes nothing.
"""

from collections.abc import AsyncIterator

import pytest

from tests import tables
from tests.conftest import Market
from tests.stage import ChainStage, CycleStage, Stage, set_up
from tests.tables import Cell, Row, row_name

# What the caller's own place says once they have answered, or said that it is done (S2.64, S2.68).
PLACE = {"accept": "ACCEPTED", "reject": "REJECTED", "execute": "COMPLETED"}


@pytest.fixture(scope="module", params=[CycleStage, ChainStage], ids=["cycle", "chain"])
async def stage(market: Market, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with set_up(request.param, market) as made:
        yield made


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("row", tables.RING.refusals(strangers="not-in-it"), ids=row_name)
async def test_what_is_refused_changes_nothing(stage: Stage, row: Row, door: str) -> None:
    await stage.refuses(row, door)


@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("cell", tables.RING.allowed, ids=row_name)
async def test_what_is_allowed_brings_what_the_table_says(stage: Stage, cell: Cell, door: str) -> None:
    ring = await stage.makes(cell, door)
    (place,) = [place for place in ring["participants"] if place["user"]["id"] == stage.people[cell.who].id]
    assert place["status"] == PLACE.get(cell.move, place["status"])
    assert place["respondedAt"] is not None or cell.move not in ("accept", "reject")
