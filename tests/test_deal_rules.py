"""The rules of a deal, without clock or database: who may do what when, said here once more and compared (S1.34 to S1.56).

The table below was written from the requirements, not from MOVES.
"""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from matching.deal import CLOSED, HOLDING, OPEN, Deal, Kind, Leg, Move, Status, swap
from matching.moves import after
from matching.refusals import Forbidden, InvalidState, OfferExpired, Refusal

REQUESTER, OWNER, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)
PARTIES = (REQUESTER, OWNER)
CAMERA, BICYCLE = UUID(int=11), UUID(int=12)

# Who may make the move, and what the deal is then. "both": it is so once both have said it. "-": nobody, now.
TRADE = """
             interest           confirm          complete          reject          cancel               dispute
proposed     owner:negotiating  -                -                 owner:rejected  requester:cancelled  -
negotiating  -                  owner:confirmed  -                 owner:rejected  requester:cancelled  -
confirmed    -                  -                either:completed  -               both:cancelled       either:disputed
disputed     -                  -                both:completed    -               both:cancelled       -
completed    -                  -                -                 -               -                    -
rejected     -                  -                -                 -               -                    -
cancelled    -                  -                -                 -               -                    -
expired      -                  -                -                 -               -                    -
"""
WHO = {"owner": {OWNER}, "requester": {REQUESTER}, "either": {*PARTIES}, "both": {*PARTIES}}


def read_table(text: str) -> dict[tuple[Status, Move], tuple[str, Status]]:
    heads, *rows = [line.split() for line in text.strip().splitlines()]
    cells = {}
    for status, *row in rows:
        for move, cell in zip(heads, row, strict=True):
            if cell != "-":
                who, to = cell.split(":")
                cells[Status(status), Move(move)] = (who, Status(to))
    return cells


EXPECTED = read_table(TRADE)
STATUSES = [Status(line.split()[0]) for line in TRADE.strip().splitlines()[1:]]


def deal(
    status: Status, *, expired: bool = False, overdue: bool = False, answers: frozenset[tuple[UUID, Move]] = frozenset()
) -> Deal:
    return Deal(
        id=UUID(int=99),
        kind=Kind.TRADE,
        status=status,
        revision=1,
        parties=PARTIES,
        legs=swap(REQUESTER, OWNER, [CAMERA], [BICYCLE]),
        answers=answers,
        expired=expired,
        overdue=overdue,
    )


def refused(expected: type[Refusal], before: Deal, move: Move, by: UUID | None) -> None:
    with pytest.raises(expected):
        after(before, move, by)


@pytest.mark.parametrize(("expired", "overdue"), list(product([False, True], repeat=2)))
@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("status", STATUSES)
def test_a_trade_allows_exactly_the_moves_of_the_table(status: Status, move: Move, expired: bool, overdue: bool) -> None:
    before = deal(status, expired=expired, overdue=overdue)
    for by in (REQUESTER, OWNER, STRANGER):
        if status is Status.EXPIRED or (expired and status in OPEN and move is not Move.EXPIRE):
            refused(OfferExpired, before, move, by)
        elif (status, move) not in EXPECTED:
            # What only the clock does is nobody else's to do; all else is not to be done now.
            due = move is Move.EXPIRE and status in OPEN
            refused(Forbidden if due else InvalidState, before, move, by)
        elif by not in WHO[EXPECTED[status, move][0]]:
            refused(Forbidden, before, move, by)
        else:
            who, to = EXPECTED[status, move]
            waits = who == "both" and not (move is Move.CANCEL and overdue)
            done = after(before, move, by)
            assert done.status is (status if waits else to)
            assert done.answers == {(by, move)}
            assert replace(done, status=status, answers=frozenset()) == before, "nothing else has changed"


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("status", STATUSES)
def test_the_clock_expires_what_is_open_and_does_nothing_else(status: Status, move: Move) -> None:
    before = deal(status, expired=True)
    if status in OPEN and move is Move.EXPIRE:
        assert after(before, move, None) == replace(before, status=Status.EXPIRED)
    else:
        with pytest.raises((Refusal, AssertionError)):
            after(before, move, None)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_the_clock_expires_nothing_before_its_time(status: Status) -> None:
    with pytest.raises(AssertionError):
        after(deal(status), Move.EXPIRE, None)


@pytest.mark.parametrize(
    ("status", "move", "to"),
    [
        (Status.CONFIRMED, Move.CANCEL, Status.CANCELLED),
        (Status.DISPUTED, Move.CANCEL, Status.CANCELLED),
        (Status.DISPUTED, Move.COMPLETE, Status.COMPLETED),
    ],
)
@pytest.mark.parametrize(("first", "second"), [(REQUESTER, OWNER), (OWNER, REQUESTER)])
def test_what_both_must_say_happens_with_the_second_of_them(
    status: Status, move: Move, to: Status, first: UUID, second: UUID
) -> None:
    asked = after(deal(status), move, first)
    assert asked.status is status
    assert after(asked, move, first) == asked, "saying it twice is saying it once"
    assert after(asked, move, second).status is to


def test_a_yes_to_one_thing_is_no_yes_to_another() -> None:
    asked = after(deal(Status.DISPUTED), Move.CANCEL, REQUESTER)
    assert after(asked, Move.COMPLETE, OWNER).status is Status.DISPUTED


def test_who_asked_to_cancel_in_time_can_cancel_alone_once_it_is_overdue() -> None:
    asked = after(deal(Status.CONFIRMED), Move.CANCEL, REQUESTER)
    assert after(replace(asked, overdue=True), Move.CANCEL, REQUESTER).status is Status.CANCELLED


def test_every_deal_can_come_to_an_end_and_no_end_is_left() -> None:
    reached: dict[Status, set[Status]] = {status: set() for status in STATUSES}
    for status in STATUSES:
        for move, by, expired in product(Move, (*PARTIES, None), (False, True)):
            before = deal(status, expired=expired, answers=frozenset((p, m) for p in PARTIES for m in Move if p != by))
            try:
                reached[status].add(after(before, move, by).status)
            except (Refusal, AssertionError):
                continue
    assert all(not reached[status] for status in STATUSES if status in CLOSED)
    assert all(reached[status] & CLOSED for status in STATUSES if status in OPEN | HOLDING)
    held = [status for status in STATUSES if reached[status] & HOLDING - {status}]
    assert held == [Status.NEGOTIATING, Status.CONFIRMED], "nothing is held that the owner did not confirm (S1.43, S1.46)"
    assert set(STATUSES) <= OPEN | HOLDING | CLOSED
    assert not OPEN & HOLDING
    assert not CLOSED & (OPEN | HOLDING)


def test_a_swap_moves_each_side_to_the_other() -> None:
    lamp = UUID(int=13)
    assert swap(REQUESTER, OWNER, [CAMERA, lamp], [BICYCLE]) == (
        Leg(CAMERA, giver=REQUESTER, receiver=OWNER),
        Leg(lamp, giver=REQUESTER, receiver=OWNER),
        Leg(BICYCLE, giver=OWNER, receiver=REQUESTER),
    )
    for offered, requested in (([], [BICYCLE]), ([CAMERA], [])):
        with pytest.raises(AssertionError):
            swap(REQUESTER, OWNER, offered, requested)
