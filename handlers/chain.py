"""A cycle or chain as people see it (S2.17 to S2.25, S2.61): S2 calls both of them barter chains."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from handlers.action import Output
from handlers.barter_types import BarterUser, DealtItem
from handlers.words import ChainStatus, Door, reason_said, status_said
from matching.deal import Deal, Kind, Move, Status, positions
from matching.moves import awaited
from storage.deal_record import DealRecord


class ChainParticipant(Output):
    """One place in a ring. In a cycle each receives the next one's item; in a chain each gives to the next (C59)."""

    id: Annotated[UUID, Meta(description="The same as the user's: one is in a ring once.")]
    user: BarterUser
    giving_item: DealtItem | None
    receiving_item: DealtItem | None
    position: int
    status: Literal["PENDING", "ACCEPTED", "REJECTED", "COMPLETED"]
    responded_at: datetime | None

    @classmethod
    def of(cls, record: DealRecord, person: UUID, position: int) -> "ChainParticipant":
        deal = record.deal
        given = [leg.item_id for leg in deal.legs if leg.giver == person]
        gotten = [leg.item_id for leg in deal.legs if leg.receiver == person]
        party = record.parties[person]
        return cls(
            id=person,
            user=BarterUser.of(party),
            giving_item=DealtItem.of(given[0], record.snapshots[given[0]]) if given else None,
            receiving_item=DealtItem.of(gotten[0], record.snapshots[gotten[0]]) if gotten else None,
            position=position,
            status=_status_of(deal, person),
            responded_at=party.answered_at,
        )


class Chain(Output):
    """A ring of three to ten people. `chainType` CHAIN: the first only gives, the last only receives."""

    id: UUID
    chain_type: Literal["CYCLE", "CHAIN"]
    participant_count: int
    match_score: float
    description: str
    status: ChainStatus
    initiator_id: UUID
    participants: list[ChainParticipant]
    awaiting: Annotated[list[UUID], Meta(description="Whose answer, or word that it is done, it waits for.")]
    conversation: UUID
    revision: int
    expires_at: datetime
    confirmed_at: datetime | None
    complete_by: Annotated[datetime | None, Meta(description="From then on anybody in it may withdraw alone.")]  # C14, C31
    overdue: bool
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    reason: str | UnsetType = UNSET

    @classmethod
    def of(cls, record: DealRecord) -> "Chain":
        deal = record.deal
        assert record.match_score is not None, "a ring was found with a score"
        order = positions(deal)
        return cls(
            id=deal.id,
            chain_type="CYCLE" if deal.kind is Kind.CYCLE else "CHAIN",
            participant_count=len(order),
            match_score=round(record.match_score, 2),
            description=described(deal.kind, order),
            status=status_said(Door.CHAINS, deal.status),
            initiator_id=deal.parties[0],
            participants=[ChainParticipant.of(record, person, place) for place, person in enumerate(order)],
            awaiting=list(awaited(deal)),
            conversation=record.conversation_id,
            revision=deal.revision,
            expires_at=record.expires_at,
            confirmed_at=record.confirmed_at,
            complete_by=record.complete_by,
            overdue=deal.overdue,
            completed_at=record.completed_at,
            created_at=record.created_at,
            updated_at=record.updated_at,
            reason=reason_said(Door.CHAINS, deal.status, record.reason) or UNSET,
        )


def described(kind: Kind, order: tuple[UUID, ...]) -> str:
    """S2.61: arrows mean "receives from" in a cycle, "gives to" in a chain (C59); eight characters of the id (C68)."""
    people = [f"User {str(person)[:8]}" for person in order]
    around = [*people, people[0]] if kind is Kind.CYCLE else people
    return f"{'Cycle' if kind is Kind.CYCLE else 'Chain'}: {' → '.join(around)} ({len(order)} parties)"


def _status_of(deal: Deal, person: UUID) -> Literal["PENDING", "ACCEPTED", "REJECTED", "COMPLETED"]:
    if deal.status is Status.COMPLETED or person in deal.has_said(Move.EXECUTE):
        return "COMPLETED"
    if person in deal.has_said(Move.REJECT):
        return "REJECTED"
    return "ACCEPTED" if person in deal.has_said(Move.ACCEPT) else "PENDING"
