"""What a deal is, and which moves it allows. No clock, no database.

A deal moves items between people. A leg is one move of one item from a giver to a receiver; the parties are the people in
it. One table, MOVES, says who may do what when; a new kind of deal is new rows there (design.md, "One engine").
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from matching.refusals import Forbidden, InvalidState, OfferExpired


class Kind(StrEnum):
    TRADE = "trade"  # S1: the owner shows interest, then confirms; either party completes


class Status(StrEnum):
    PROPOSED = "proposed"  # on the table; nothing is held
    NEGOTIATING = "negotiating"  # the owner is interested; people talk
    CONFIRMED = "confirmed"  # everyone needed said yes; every item in it is held
    COMPLETED = "completed"  # the items have changed hands
    REJECTED = "rejected"  # someone said no, or a competing deal was confirmed first
    CANCELLED = "cancelled"  # taken back by who proposed it, or by both after they had confirmed
    EXPIRED = "expired"  # nobody confirmed it in time, by the database's clock
    DISPUTED = "disputed"  # confirmed, and one party reports a problem; the items stay held


OPEN = frozenset({Status.PROPOSED, Status.NEGOTIATING})
HOLDING = frozenset({Status.CONFIRMED, Status.DISPUTED})
CLOSED = frozenset(Status) - OPEN - HOLDING


class Move(StrEnum):
    REQUEST = "request"  # puts a deal on the table; it has no row in MOVES, since there is no deal before it
    UPDATE = "update"  # an item in it was edited by its owner, so the terms have a new revision (C17)
    INTEREST = "interest"
    CONFIRM = "confirm"
    COMPLETE = "complete"
    REJECT = "reject"
    CANCEL = "cancel"
    DISPUTE = "dispute"
    EXPIRE = "expire"  # made by the sweeper, for nobody


class Role(StrEnum):
    REQUESTER = "requester"  # who opened the deal
    OWNER = "owner"  # whose items were asked for
    PARTY = "party"  # anyone in it
    NOBODY = "nobody"  # the clock


class Quorum(StrEnum):
    ONE = "one"  # the first yes moves the deal
    ALL = "all"  # the last one does
    ALL_IN_TIME = "all in time"  # all of them; once the deal is overdue, one alone (C14)


class Rule(NamedTuple):
    to: Status
    who: Role
    needs: Quorum = Quorum.ONE


MOVES: dict[tuple[Kind, Status, Move], Rule] = {
    (Kind.TRADE, Status.PROPOSED, Move.INTEREST): Rule(Status.NEGOTIATING, Role.OWNER),
    (Kind.TRADE, Status.PROPOSED, Move.REJECT): Rule(Status.REJECTED, Role.OWNER),
    (Kind.TRADE, Status.PROPOSED, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Kind.TRADE, Status.PROPOSED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Kind.TRADE, Status.NEGOTIATING, Move.CONFIRM): Rule(Status.CONFIRMED, Role.OWNER),
    (Kind.TRADE, Status.NEGOTIATING, Move.REJECT): Rule(Status.REJECTED, Role.OWNER),
    (Kind.TRADE, Status.NEGOTIATING, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Kind.TRADE, Status.NEGOTIATING, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Kind.TRADE, Status.CONFIRMED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY),
    (Kind.TRADE, Status.CONFIRMED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
    (Kind.TRADE, Status.CONFIRMED, Move.DISPUTE): Rule(Status.DISPUTED, Role.PARTY),
    (Kind.TRADE, Status.DISPUTED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Kind.TRADE, Status.DISPUTED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One item on its way from a giver to a receiver."""

    item_id: UUID
    giver: UUID
    receiver: UUID


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal as its rules see it. `parties` are in order of position: who opened it is the first."""

    id: UUID
    kind: Kind
    status: Status
    revision: int
    parties: tuple[UUID, ...]
    legs: tuple[Leg, ...]
    answers: frozenset[tuple[UUID, Move]] = frozenset()  # yeses that wait for the others'
    expired: bool = False  # past its expiry by the database's clock, whether or not the sweeper has come by
    overdue: bool = False  # confirmed, and past the day by which it should have been completed

    @property
    def item_ids(self) -> frozenset[UUID]:
        return frozenset(leg.item_id for leg in self.legs)

    def people(self, role: Role) -> tuple[UUID, ...]:
        match role:
            case Role.REQUESTER:
                return self.parties[:1]
            case Role.OWNER:
                return self.parties[1:2]
            case Role.PARTY:
                return self.parties
            case Role.NOBODY:
                return ()


def after(deal: Deal, move: Move, by: UUID | None) -> Deal:
    """The deal once `by` (None: the clock) has made `move`.

    Raises OfferExpired, InvalidState or Forbidden, in that order (S1.34 to S1.56, C5, C14, C34).
    """
    if deal.status is Status.EXPIRED or (deal.expired and deal.status in OPEN and move is not Move.EXPIRE):
        raise OfferExpired
    rule = MOVES.get((deal.kind, deal.status, move))
    if rule is None:
        raise InvalidState(
            f"A {deal.kind} that is {deal.status} does not allow '{move}'.",
            details={"status": deal.status, "move": move},
        )
    if by is None:
        assert rule.who is Role.NOBODY, "only the clock moves for nobody"
        assert deal.expired, "the clock moves only what is due"
        return replace(deal, status=rule.to)
    if by not in deal.people(rule.who):
        raise Forbidden

    answers = deal.answers | {(by, move)}
    alone = rule.needs is Quorum.ONE or (rule.needs is Quorum.ALL_IN_TIME and deal.overdue)
    settled = alone or all((party, move) in answers for party in deal.parties)
    return replace(deal, answers=answers, status=rule.to if settled else deal.status)


def swap(requester: UUID, owner: UUID, offered: Iterable[UUID], requested: Iterable[UUID]) -> tuple[Leg, ...]:
    """The legs of an exchange between two people: each offered item one way, each requested one the other."""
    there = [Leg(item, giver=requester, receiver=owner) for item in offered]
    back = [Leg(item, giver=owner, receiver=requester) for item in requested]
    assert there, "a swap gives something"
    assert back, "a swap asks for something"
    return (*there, *back)
