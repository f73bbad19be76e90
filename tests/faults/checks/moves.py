"""Only allowed moves: every deal's log, played again by the rules, comes to where the deal stands."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from handlers.words import DOOR_OF, status_said
from matching.deal import OPEN, Deal, Kind, Leg, Move, Status
from matching.moves import after, countered
from matching.refusals import Refusal
from tests.faults.evidence import Evidence, Finding, Sql, finding

DEALS = "SELECT id, kind, status, revision, expires_at FROM deals"
PARTIES = "SELECT deal_id, user_id FROM parties ORDER BY deal_id, position"
LEGS = "SELECT deal_id, revision, item_id, giver_id, receiver_id FROM legs"
CHANGES = """
    SELECT deal_id, seq, change FROM entries JOIN conversations ON conversations.id = conversation_id
     WHERE kind = 'deal' ORDER BY deal_id, seq
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A move that a log tells of, and the deal after it."""

    deal: Deal
    move: Move
    by: UUID | None
    seq: int


class NotAllowed(Exception):
    """The log has what the rules do not."""


async def check(_evidence: Evidence, sql: Sql) -> list[Finding]:
    count = 0
    broken = []
    for row, made in (await played(sql)).values():
        if isinstance(made, NotAllowed):
            broken.append(f"{row['kind']} {row['id']}: {made}")
            continue
        count += len(made)
        last = made[-1].deal
        if (last.status, last.revision) != (row["status"], row["revision"]):
            broken.append(f"{row['kind']} {row['id']} is {row['status']}, its log says {last.status}")
    return [finding("only allowed moves were made, and each log played again comes to where its deal stands", count, broken)]


async def played(sql: Sql) -> dict[UUID, tuple[Any, list[Made] | NotAllowed]]:
    """Each deal's row with the moves of its log, or why they cannot have been."""
    parties: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await sql.fetch(PARTIES):
        parties[row["deal_id"]].append(row["user_id"])
    legs: dict[tuple[UUID, int], list[Leg]] = defaultdict(list)
    for row in await sql.fetch(LEGS):
        legs[row["deal_id"], row["revision"]].append(Leg(row["item_id"], row["giver_id"], row["receiver_id"]))
    changes: dict[UUID, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for row in await sql.fetch(CHANGES):
        changes[row["deal_id"]].append((row["seq"], msgspec.json.decode(row["change"])))
    found: dict[UUID, tuple[Any, list[Made] | NotAllowed]] = {}
    for row in await sql.fetch(DEALS):
        begun = Deal(
            id=row["id"],
            kind=Kind(row["kind"]),
            status=Status.PROPOSED,
            revision=1,
            parties=tuple(parties[row["id"]]),
            legs=tuple(legs[row["id"], 1]),
        )
        try:
            found[row["id"]] = row, _play(begun, changes[row["id"]], legs)
        except NotAllowed as wrong:
            found[row["id"]] = row, wrong
    return found


def _play(deal: Deal, changes: list[tuple[int, dict[str, Any]]], legs: dict[tuple[UUID, int], list[Leg]]) -> list[Made]:
    made: list[Made] = []
    for seq, change in changes:
        move = Move(change["move"])
        by = UUID(change["by"]) if change["by"] else None
        try:
            deal = _after(deal, move, by, legs) if made else _begun(deal, move, by)
        except Refusal as no:
            raise NotAllowed(f"'{move}' at {seq} while it was {deal.status}: {no.code}") from no
        if change["status"] != status_said(DOOR_OF[deal.kind], deal.status):
            raise NotAllowed(f"'{move}' at {seq} says {change['status']}, and should say {deal.status}")
        made.append(Made(deal, move, by, seq))
    if not made:
        raise NotAllowed("its log is empty")
    return made


def _begun(deal: Deal, move: Move, by: UUID | None) -> Deal:
    if move is not Move.REQUEST or by != deal.parties[0]:
        raise NotAllowed(f"its log begins with '{move}'")
    return deal


def _after(deal: Deal, move: Move, by: UUID | None, legs: dict[tuple[UUID, int], list[Leg]]) -> Deal:
    if move is Move.UPDATE:
        return replace(deal, revision=deal.revision + 1, answers=frozenset())
    if move is Move.COUNTER:
        assert by is not None, "somebody counters"
        item = next(leg.item_id for leg in legs[deal.id, deal.revision + 1] if leg.giver == by)
        return countered(deal, by, item)
    if by is None and move is Move.REJECT:  # another deal got an item of it
        if deal.status not in OPEN:
            raise NotAllowed(f"it lost an item while it was {deal.status}")
        return replace(deal, status=Status.REJECTED)
    moved = after(replace(deal, expired=move is Move.EXPIRE), move, by)
    if moved == deal:
        raise NotAllowed(f"'{move}' changed nothing, and was told of")
    return moved
