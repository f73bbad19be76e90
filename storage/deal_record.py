"""A deal as it is stored: what its rules see, and what people are shown besides."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from matching.deal import Deal, Kind, Leg, Move, Status
from storage.database import Row


class Snapshot(msgspec.Struct, rename="camel", frozen=True):
    """An item as it was when the terms were set (C17). `image` is a stored picture's name."""

    title: str
    condition: str
    estimated_value: float | None
    image: str | None
    version: int
    looking_for: str


class TermsLeg(msgspec.Struct, rename="camel", frozen=True):
    """A leg, and its item as it was when the terms were set."""

    item: UUID
    giver: UUID
    receiver: UUID
    snapshot: Snapshot


class Terms(msgspec.Struct, rename="camel", frozen=True):
    """One revision of a deal: who set it, by which move, and what moves by it."""

    revision: int
    made_by: UUID
    move: Literal["request", "counter", "update"]
    notes: str | None
    created_at: datetime
    legs: list[TermsLeg]


class PartyRecord(msgspec.Struct, rename="camel", frozen=True):
    """Someone in a deal. `answers` are the moves they have made on its terms as they are."""

    id: UUID
    name: str
    profile_image: str | None
    answers: list[Move]
    answered_at: datetime | None


# JSON as text: read in one go into what it is, and not into dictionaries first.
PARTIES = msgspec.json.Decoder(list[PartyRecord])
LEGS = msgspec.json.Decoder(list[TermsLeg])


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal as it is stored: what its rules see, and what people are shown besides."""

    deal: Deal
    conversation_id: UUID
    parties: dict[UUID, PartyRecord]  # by person, in order of position
    snapshots: dict[UUID, Snapshot]  # by item
    opening: list[TermsLeg]  # of an offer that was countered: what it began with
    notes: str | None  # of who made the latest terms
    match_score: float | None  # of a ring
    reason: str | None
    expires_at: datetime
    confirmed_at: datetime | None
    complete_by: datetime | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> "DealRecord":
        parties = PARTIES.decode(row["parties"])
        legs = LEGS.decode(row["legs"])
        return cls(
            deal=Deal(
                id=row["id"],
                kind=Kind(row["kind"]),
                status=Status(row["status"]),
                revision=row["revision"],
                parties=tuple(party.id for party in parties),
                legs=tuple(Leg(leg.item, leg.giver, leg.receiver) for leg in legs),
                answers=frozenset((party.id, move) for party in parties for move in party.answers),
                proposer=row["proposer_id"],
                rounds=row["rounds"],
                expired=row["expired"],
                overdue=row["overdue"],
            ),
            conversation_id=row["conversation_id"],
            parties={party.id: party for party in parties},
            snapshots={leg.item: leg.snapshot for leg in legs},
            opening=LEGS.decode(row["opening"]) if row["opening"] else [],
            notes=row["notes"],
            match_score=row["match_score"],
            reason=row["reason"],
            expires_at=row["expires_at"],
            confirmed_at=row["confirmed_at"],
            complete_by=row["complete_by"],
            completed_at=row["completed_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
