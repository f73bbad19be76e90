"""Which moves a deal allows: who may do what when, and what comes of it. No clock, no database.

One table, MOVES, says it for every kind; a new kind of deal is new rows there (design.md, "One engine").
"""

from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from matching.deal import HOLDING, OPEN, Deal, Kind, Move, Status, swap
from matching.refusals import AlreadyResponded, ChainExpired, ChainInExecution, Forbidden, InvalidState, OfferExpired

ROUNDS_MAX = 20  # counter-offers of one deal (C35)


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


# Trades and offers are one machine, whose moves either door makes (C1). Who is asked answers with S1's two steps, interest
# and then confirm, or at once with S2's accept (C4).
SWAP_MOVES = {
    (Status.PROPOSED, Move.INTEREST): Rule(Status.NEGOTIATING, Role.OWNER),
    (Status.PROPOSED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.PROPOSED, Move.COUNTER): Rule(Status.COUNTERED, Role.ASKED),
    (Status.PROPOSED, Move.REJECT): Rule(Status.REJECTED, Role.ASKED),
    (Status.PROPOSED, Move.CANCEL): Rule(Status.CANCELLED, Role.PROPOSER),
    (Status.PROPOSED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.NEGOTIATING, Move.CONFIRM): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.NEGOTIATING, Move.ACCEPT): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.NEGOTIATING, Move.COUNTER): Rule(Status.COUNTERED, Role.ASKED),
    (Status.NEGOTIATING, Move.REJECT): Rule(Status.REJECTED, Role.ASKED),
    (Status.NEGOTIATING, Move.CANCEL): Rule(Status.CANCELLED, Role.PROPOSER),
    (Status.NEGOTIATING, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.COUNTERED, Move.CONFIRM): Rule(Status.CONFIRMED, Role.ASKED),  # S1 prints it as negotiating
    (Status.COUNTERED, Move.ACCEPT): Rule(Status.CONFIRMED, Role.ASKED),
    (Status.COUNTERED, Move.COUNTER): Rule(Status.COUNTERED, Role.ASKED),
    (Status.COUNTERED, Move.REJECT): Rule(Status.REJECTED, Role.ASKED),
    # Each has terms of their own on the table now: the proposal is the one's, the counter-offer the other's (S2.41, C5).
    (Status.COUNTERED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY),
    (Status.COUNTERED, Move.EXPIRE): Rule(Status.EXPIRED, Role.NOBODY),
    (Status.CONFIRMED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
    (Status.CONFIRMED, Move.DISPUTE): Rule(Status.DISPUTED, Role.PARTY),
    (Status.DISPUTED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL),
    (Status.DISPUTED, Move.CANCEL): Rule(Status.CANCELLED, Role.PARTY, Quorum.ALL_IN_TIME),
}
# Only who completes depends on the door that opened it (C2).
TRADE_MOVES = SWAP_MOVES | {(Status.CONFIRMED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY)}
OFFER_MOVES = SWAP_MOVES | {(Status.CONFIRMED, Move.COMPLETE): Rule(Status.COMPLETED, Role.PARTY, Quorum.ALL)}
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
            f"{'An' if deal.kind is Kind.OFFER else 'A'} {deal.kind} that is {deal.status} does not allow '{move}'.",
            details={"status": deal.status, "move": move},
        )
    if by is None:
        assert rule.who is Role.NOBODY, "only the clock moves for nobody"
        assert deal.expired, "the clock moves only what is due"
        return replace(deal, status=rule.to)
    if by not in _people(deal, rule.who):
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
    if not deal.is_ring or by not in deal.has_said(Move.ACCEPT, Move.REJECT):
        return False
    if move is Move.REJECT:
        return not deal.has_said(Move.ACCEPT) >= set(deal.parties)
    return move is Move.ACCEPT and (deal.status is not Status.CONFIRMED or by != deal.parties[0])


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
    """The trade or offer once `by` has put `item_id` in the place of all that they were to give (S2.39, S2.40, C35 to C37).

    Raises what `after` does, and InvalidState after 20 rounds.
    """
    moved = after(deal, Move.COUNTER, by)
    if deal.rounds >= ROUNDS_MAX:
        raise InvalidState(f"There are at most {ROUNDS_MAX} counter-offers. Accept this one, reject it, or begin anew.")
    gives = {party: [leg.item_id for leg in deal.legs if leg.giver == party] for party in deal.parties} | {by: [item_id]}
    requester, owner = deal.parties
    legs = swap(requester, owner, gives[requester], gives[owner])
    assert len({leg.item_id for leg in legs}) == len(legs), "nobody owns what the other gives"
    return replace(
        moved, legs=legs, revision=deal.revision + 1, rounds=deal.rounds + 1, proposer=by, answers=frozenset(), expired=False
    )


def awaited(deal: Deal) -> tuple[UUID, ...]:
    """Those whose yes, or whose word that it is done, moves the deal on; in order of position."""
    found: set[UUID] = set()
    for move in _awaited_moves(deal):
        rule = MOVES.get((deal.kind, deal.status, move))
        if rule is not None and rule.to is not deal.status:
            who = deal.parties[1:] if rule.needs is Quorum.OTHERS else _people(deal, rule.who)
            found |= set(who) - deal.has_said(move)
    return tuple(party for party in deal.parties if party in found)


def _awaited_moves(deal: Deal) -> tuple[Move, ...]:
    if deal.status in OPEN:
        return (Move.ACCEPT,)  # of whom interest or S1's confirming is awaited, accepting is as well
    return (Move.COMPLETE, Move.EXECUTE) if deal.status in HOLDING else ()


def _people(deal: Deal, role: Role) -> tuple[UUID, ...]:
    proposer = deal.proposer or deal.parties[0]
    match role:
        case Role.REQUESTER:
            return deal.parties[:1]
        case Role.OWNER:
            return deal.parties[1:2]
        case Role.PROPOSER:
            return (proposer,)
        case Role.ASKED:
            return tuple(party for party in deal.parties if party != proposer)
        case Role.PARTY:
            return deal.parties
        case Role.NOBODY:
            return ()
