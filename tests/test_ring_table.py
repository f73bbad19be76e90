"""Every move of a ring, in every state it can be in, by everybody who can ask, through both doors; cycles and chains.

S2.60, S2.64 to S2.72, S2.106, C14, C27, C28, C30, C31, C33. A refusal changes nothing.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests import tables
from tests.conftest import Market
from tests.people import Person
from tests.rings import chain_of, cycle_of
from tests.stage import Stage, due, set_up
from tests.tables import RING_WORDS, Cell, Row, row_name

ANSWERS = {"accept": True, "reject": False}


class CycleStage(Stage):
    names = ("initiator", "second", "third")
    table = tables.RING

    async def proposes(self) -> str:
        return str((await cycle_of(*(self.people[name] for name in self.names)))["id"])

    async def asks(self, person: Person, door: str, move: str, deal_id: str) -> Any:
        if move in ANSWERS:
            return await person.through(door, "chain:respond", chainId=deal_id, accept=ANSWERS[move])
        return await person.through(door, f"chain:{move}", chainId=deal_id)


class ChainStage(CycleStage):
    async def proposes(self) -> str:
        return str((await chain_of(*(self.people[name] for name in self.names)))["id"])


@pytest.fixture(scope="module")
async def stages(market: Market) -> AsyncIterator[dict[str, Stage]]:
    async with set_up(CycleStage, market) as cycles, set_up(ChainStage, market) as chains:
        yield {"cycle": cycles, "chain": chains}


@pytest.mark.parametrize("kind", ["cycle", "chain"])
@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("row", tables.RING.refusals(strangers="not-in-it"), ids=row_name)
async def test_what_is_refused_changes_nothing(stages: dict[str, Stage], row: Row, door: str, kind: str) -> None:
    stage = stages[kind]
    before = await stage.everything_about(stage.untouched[row.state])
    assert await stage.refusals(row, door) == row.refused
    assert await stage.everything_about(stage.untouched[row.state]) == before


@pytest.mark.parametrize("kind", ["cycle", "chain"])
@pytest.mark.parametrize("door", ["socket", "rest"])
@pytest.mark.parametrize("cell", tables.RING.allowed, ids=row_name)
async def test_what_is_allowed_brings_what_the_table_says(stages: dict[str, Stage], cell: Cell, door: str, kind: str) -> None:
    stage = stages[kind]
    ring_id = await stage.deal_that_is(cell.state)
    before = await stage.everything_about(ring_id)
    ring = await stage.asks(stage.people[cell.who], door, cell.move, ring_id)
    after = await stage.everything_about(ring_id)
    status = before["deal"]["status"] if cell.answer in ("asked", "again") else cell.answer
    assert ring["status"] == RING_WORDS.get(status, status.upper())
    if cell.answer == "again":
        assert after == before, "who says it twice has said it once"
        return
    assert after["deal"]["status"] == status
    assert after["last_seq"] == before["last_seq"] + 1
    assert after == after | due(after), "items are held, freed or moved as the status says, all or none (C33)"
