"""What a deal is: people, and items on their way between them. No clock, no database.

A deal moves items between people. A leg is one move of one item from a giver to a receiver; the parties are the people in
it. Who may do what when is in `matching.moves` (design.md, "One engine").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    TRADE = "trade"  # between two, opened by S1's door: either of them completes
    OFFER = "offer"  # the same, opened by S2's: both of them complete
    CYCLE = "cycle"  # S2: three to ten people, each gives to one and gets from another
    CHAIN = "chain"  # S2: the same, but the first only gives and the last only gets


SWAPS = (Kind.TRADE, Kind.OFFER)  # between two
RINGS = (Kind.CYCLE, Kind.CHAIN)  # S2 calls both of them barter chains


class Status(StrEnum):
    PROPOSED = "proposed"  # on the table; nothing is held
    NEGOTIATING = "negotiating"  # the owner is interested, and people talk; of a ring: some have said yes
    COUNTERED = "countered"  # other terms are on the table, and the other side is to answer
    CONFIRMED = "confirmed"  # everyone needed said yes; every item in it is held
    COMPLETED = "completed"  # the items have changed hands
    REJECTED = "rejected"  # someone said no, or a competing deal was confirmed first
    CANCELLED = "cancelled"  # taken back by who proposed it, or by both after they had confirmed
    EXPIRED = "expired"  # nobody confirmed it in time, by the database's clock
    DISPUTED = "disputed"  # confirmed, and one party reports a problem; the items stay held


OPEN = frozenset({Status.PROPOSED, Status.NEGOTIATING, Status.COUNTERED})
HOLDING = frozenset({Status.CONFIRMED, Status.DISPUTED})
CLOSED = frozenset(Status) - OPEN - HOLDING


class Move(StrEnum):
    REQUEST = "request"  # puts a deal on the table; it has no row in MOVES, since there is no deal before it
    UPDATE = "update"  # an item in it was edited by its owner, so the terms have a new revision (C17)
    INTEREST = "interest"
    COUNTER = "counter"
    ACCEPT = "accept"
    CONFIRM = "confirm"
    COMPLETE = "complete"
    EXECUTE = "execute"
    REJECT = "reject"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"  # one of many steps back from a ring that all had accepted (C31)
    DISPUTE = "dispute"
    EXPIRE = "expire"  # made by the sweeper, for nobody


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
    answers: frozenset[tuple[UUID, Move]] = frozenset()  # what the parties have said to the terms as they are
    proposer: UUID | None = None  # who made the latest terms; None: who opened it
    rounds: int = 0  # counter-offers so far
    expired: bool = False  # past its expiry by the database's clock, whether or not the sweeper has come by
    overdue: bool = False  # confirmed, and past the day by which it should have been completed

    @property
    def item_ids(self) -> frozenset[UUID]:
        return frozenset(leg.item_id for leg in self.legs)

    @property
    def is_ring(self) -> bool:
        return self.kind in RINGS

    def has_said(self, *moves: Move) -> frozenset[UUID]:
        """Those who have made one of these moves on the terms as they are."""
        return frozenset(party for party, move in self.answers if move in moves)


def swap(requester: UUID, owner: UUID, offered: Iterable[UUID], requested: Iterable[UUID]) -> tuple[Leg, ...]:
    """The legs of an exchange between two people: each offered item one way, each requested one the other."""
    there = [Leg(item, giver=requester, receiver=owner) for item in offered]
    back = [Leg(item, giver=owner, receiver=requester) for item in requested]
    assert there, "a swap gives something"
    assert back, "a swap asks for something"
    return (*there, *back)


def ring(kind: Kind, steps: Iterable[tuple[UUID, UUID]]) -> tuple[Leg, ...]:
    """The legs of a ring from its (person, item) pairs, where each wants the next one's item (S2.53, S2.79).

    In a cycle the last wants the first one's. In a chain the last only gives, and the first only gets (C60): their item stays.
    """
    around = list(steps)
    assert len({person for person, _ in around}) == len(around) >= 3, "distinct people, three at least"
    pairs = list(zip(around, around[1:] + around[:1], strict=True))
    if kind is Kind.CHAIN:
        pairs.pop()
    return tuple(Leg(item, giver=giver, receiver=receiver) for (receiver, _), (giver, item) in pairs)


def positions(deal: Deal) -> tuple[UUID, ...]:
    """The parties of a ring in the order in which they are shown (C59, C60).

    A cycle begins with who opened it, and each gets from the next. A chain begins with who only gives, and each gives to
    the next.
    """
    following = {leg.giver: leg.receiver for leg in deal.legs}
    if deal.kind is Kind.CYCLE:
        following = {receiver: giver for giver, receiver in following.items()}
        first = deal.parties[0]
    else:
        (first,) = following.keys() - set(following.values())
    order = [first]
    while len(order) < len(deal.parties):
        order.append(following[order[-1]])
    return tuple(order)
