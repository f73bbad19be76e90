"""What a deal is, and which moves it allows. No clock, no database.

A deal moves items between people. A leg is one move of one item from a giver to a receiver; the parties are the people in
it. One table, MOVES, says who may do what when; a new kind of deal is new rows there (design.md, "One engine").
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from matching.refusals import AlreadyResponded, ChainExpired, ChainInExecution, Forbidden, InvalidState, OfferExpired

ROUNDS_MAX = 20  # counter-offers of one offer (C35)


class Kind(StrEnum):
    TRADE = "trade"  # S1: the owner shows interest, then confirms; either party completes
    OFFER = "offer"  # S2: whoever did not make the latest terms accepts or counters; both complete
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


class Role(StrEnum):
    REQUESTER = "requester"  # who opened the deal
    OWNER = "owner"  # whose items were asked for
    PROPOSER = "proposer"  # who made the latest terms
    ASKED = "asked"  # everyone else: they are to answer
    PARTY = "party"  # anyone in it
    NOBODY = "nobody"  # the clock


class Quorum(StrEnum):
    ONE = "one"  # the first yes moves the deal
    OTHERS = "others"  # the last one of those who did not open it: to propose was to say yes (C28)
    ALL = "all"  # the last one does
    ALL_IN_TIME = "all in time"  # all of them; once the deal is overdue, one alone (C14)


class Rule(NamedTuple):
    to: Status
    who: Role
    needs: Quorum = Quorum.ONE
    meanwhile: Status | None = None  # while answers are missing; None: as it was


TRADE_MOVES = {
    (Status.PROPOSED, Move.INTEREST): Rule(Status.NEGOTIATING, Role.OWNER),
    (Status.PROPOSED, Move.REJECT): Rule(Status.REJECTED, Role.OWNER),
    (Status.PROPOSED, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Status.PROPOSED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.NEGOTIATING, Move.CONFIRM): Rule(Status.CONFIRMED, Role.OWNER),
    (Status.NEGOTIATING, Move.REJECT): Rule(Status.REJECTED, Role.OWNER),
    (Status.NEGOTIATING, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Status.NEGOTIATING, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.CONFIRMED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY),
    (Status.CONFIRMED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
    (Status.CONFIRMED, Move.DISPUTE): Rule(Status.DISPUTED, Role.PARTY),
    (Status.DISPUTED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.DISPUTED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
}
OFFER_MOVES = {
    (Status.PROPOSED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.PROPOSED, Move.COUNTER): Rule(Status.COUNTERED, Role.ASKED),
    (Status.PROPOSED, Move.REJECT): Rule(Status.REJECTED, Role.ASKED),
    (Status.PROPOSED, Move.CANCEL): Rule(Status.CANCELLED, Role.PROPOSER),
    (Status.PROPOSED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.COUNTERED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.COUNTERED, Move.COUNTER): Rule(Status.COUNTERED, Role.ASKED),
    (Status.COUNTERED, Move.REJECT): Rule(Status.REJECTED, Role.ASKED),
    # Each has terms of their own on the table now: the offer is the one's, the counter-offer the other's (S2.41, C5).
    (Status.COUNTERED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY),
    (Status.COUNTERED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.CONFIRMED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.CONFIRMED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
    (Status.CONFIRMED, Move.DISPUTE): Rule(Status.DISPUTED, Role.PARTY),
    (Status.DISPUTED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.DISPUTED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
}
RING_MOVES = {
    (Status.PROPOSED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.PARTY, Quorum.OTHERS, meanwhile=Status.NEGOTIATING),
    (Status.PROPOSED, Move.REJECT): Rule(Status.REJECTED, Role.PARTY),
    (Status.PROPOSED, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Status.PROPOSED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.NEGOTIATING, Move.ACCEPT): Rule(Status.CONFIRMED, Role.PARTY, Quorum.OTHERS),
    (Status.NEGOTIATING, Move.REJECT): Rule(Status.REJECTED, Role.PARTY),
    (Status.NEGOTIATING, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Status.NEGOTIATING, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.CONFIRMED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.REQUESTER),  # theirs was implied; to say it is no mistake
    (Status.CONFIRMED, Move.EXECUTE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.CONFIRMED, Move.CANCEL): Rule(Status.CANCELLED, Role.REQUESTER),
    (Status.CONFIRMED, Move.WITHDRAW): Rule(Status.CANCELLED, Role.PARTY),
    (Status.CONFIRMED, Move.DISPUTE): Rule(Status.DISPUTED, Role.PARTY),
    (Status.DISPUTED, Move.EXECUTE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.DISPUTED, Move.WITHDRAW): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
}
MOVES: dict[tuple[Kind, Status, Move], Rule] = {
    (kind, *place): rule
    for kind, moves in [
        (Kind.TRADE, TRADE_MOVES),
        (Kind.OFFER, OFFER_MOVES),
        (Kind.CYCLE, RING_MOVES),
        (Kind.CHAIN, RING_MOVES),
    ]
    for place, rule in moves.items()
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

    def awaited(self) -> tuple[UUID, ...]:
        """Those whose yes, or whose word that it is done, moves the deal on."""
        found: set[UUID] = set()
        for move in _awaited_moves(self):
            rule = MOVES.get((self.kind, self.status, move))
            if rule is not None and rule.to is not self.status:
                who = self.parties[1:] if rule.needs is Quorum.OTHERS else self.people(rule.who)
                found |= set(who) - self.has_said(move)
        return tuple(party for party in self.parties if party in found)

    def people(self, role: Role) -> tuple[UUID, ...]:
        proposer = self.proposer or self.parties[0]
        match role:
            case Role.REQUESTER:
                return self.parties[:1]
            case Role.OWNER:
                return self.parties[1:2]
            case Role.PROPOSER:
                return (proposer,)
            case Role.ASKED:
                return tuple(party for party in self.parties if party != proposer)
            case Role.PARTY:
                return self.parties
            case Role.NOBODY:
                return ()


def _awaited_moves(deal: Deal) -> tuple[Move, ...]:
    if deal.status in OPEN:
        return (Move.ACCEPT, Move.CONFIRM, Move.INTEREST)
    return (Move.COMPLETE, Move.EXECUTE) if deal.status in HOLDING else ()


def after(deal: Deal, move: Move, by: UUID | None) -> Deal:
    """The deal once `by` (None: the clock) has made `move`.

    Raises OfferExpired or ChainExpired, AlreadyResponded, InvalidState, Forbidden or ChainInExecution, in that order
    (S1.34 to S1.56, S2.37 to S2.50, S2.60 to S2.72, C5, C14, C27 to C31, C34).
    """
    if deal.status is Status.EXPIRED or (deal.expired and deal.status in OPEN and move is not Move.EXPIRE):
        raise ChainExpired if deal.is_ring else OfferExpired
    if _has_responded(deal, move, by):
        raise AlreadyResponded
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
    begun = move in (Move.CANCEL, Move.WITHDRAW) and bool(deal.has_said(Move.EXECUTE))
    if begun and deal.status is Status.CONFIRMED and not deal.overdue:
        raise ChainInExecution

    answers = deal.answers | {(by, move)}
    if not _settles(deal, rule, move, answers):
        return replace(deal, answers=answers, status=rule.meanwhile or deal.status)
    if rule.needs is Quorum.OTHERS:
        answers |= {(deal.parties[0], move)}  # recorded as such (C28)
    return replace(deal, answers=answers, status=rule.to)


def _has_responded(deal: Deal, move: Move, by: UUID | None) -> bool:
    """Whether they have answered this ring before, and must not again (S2.106).

    Who opened it may still say the yes that was implied (C28); to a no after all have agreed, the status answers (C31).
    """
    if not deal.is_ring or move not in (Move.ACCEPT, Move.REJECT) or by not in deal.has_said(Move.ACCEPT, Move.REJECT):
        return False
    return deal.status is not Status.CONFIRMED or (move is Move.ACCEPT and by != deal.parties[0])


def _settles(deal: Deal, rule: Rule, move: Move, answers: frozenset[tuple[UUID, Move]]) -> bool:
    match rule.needs:
        case Quorum.ONE:
            return True
        case Quorum.OTHERS:
            return all((party, move) in answers for party in deal.parties[1:])
        case Quorum.ALL:
            return all((party, move) in answers for party in deal.parties)
        case Quorum.ALL_IN_TIME:
            return deal.overdue or all((party, move) in answers for party in deal.parties)


def countered(deal: Deal, by: UUID, item_id: UUID) -> Deal:
    """The offer once `by` has put `item_id` in the place of what they were to give (S2.39, S2.40, C35 to C37).

    Raises what `after` does, and InvalidState after 20 rounds.
    """
    moved = after(deal, Move.COUNTER, by)
    if deal.rounds >= ROUNDS_MAX:
        raise InvalidState(f"An offer has at most {ROUNDS_MAX} counter-offers. Accept it, reject it, or begin anew.")
    legs = tuple(replace(leg, item_id=item_id) if leg.giver == by else leg for leg in deal.legs)
    assert len({leg.item_id for leg in legs}) == len(legs), "nobody owns what the other gives"
    return replace(
        moved, legs=legs, revision=deal.revision + 1, rounds=deal.rounds + 1, proposer=by, answers=frozenset(), expired=False
    )


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
