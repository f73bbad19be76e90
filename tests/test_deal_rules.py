"""The rules of a deal, without clock or database: every kind, status, move and person against the tables of `tests.tables`.

What the tables are too small for is told below them: the clock, many rounds, who is waited for; rings of up to ten are in
`test_ring_rules`.
"""

from dataclasses import replace
from uuid import UUID

import pytest

from matching.deal import CLOSED, HOLDING, OPEN, SWAPS, Deal, Kind, Leg, Move, Status, ring, swap
from matching.moves import MOVES, after, awaited, countered
from matching.refusals import InvalidState, OfferExpired, Refusal
from tests.tables import CODES, OFFER, RING, TRADE, Cell, row_name

ALICE, BOB, CAROL, STRANGER = (UUID(int=number) for number in range(1, 5))
CAMERA, BICYCLE, LAMP, PIANO = (UUID(int=number) for number in range(11, 15))

TABLES = {Kind.TRADE: TRADE, Kind.OFFER: OFFER, Kind.CYCLE: RING, Kind.CHAIN: RING}
WHO = {"requester": 0, "owner": 1, "initiator": 0, "second": 1, "third": 2}


def proposed(kind: Kind) -> Deal:
    """A new deal of this kind, which Alice opens."""
    parties: tuple[UUID, ...] = (ALICE, BOB) if kind in SWAPS else (ALICE, BOB, CAROL)
    if kind in SWAPS:
        legs = swap(ALICE, BOB, [CAMERA], [BICYCLE])
    else:
        legs = ring(kind, zip(parties, (CAMERA, BICYCLE, LAMP), strict=True))
    return Deal(id=UUID(int=99), kind=kind, status=Status.PROPOSED, revision=1, parties=parties, legs=legs)


def move_of(name: str) -> Move:
    """The move by its name in the tables: `let-go` is how a confirmed swap is cancelled."""
    return Move.CANCEL if name == "let-go" else Move(name)


def moved(deal: Deal, move: str, by: UUID) -> Deal:
    """The deal after the move. A counter-offer puts an item on the table that was not there before."""
    if move == "counter":
        return countered(deal, by, UUID(int=2000 + deal.revision))
    return after(deal, move_of(move), by)


def come_to(kind: Kind, steps: str) -> Deal:
    """A deal of this kind that has come to a state of its table."""
    deal = proposed(kind)
    for step in steps.split():
        who, what = step.split(":")
        if who != "time":
            deal = moved(deal, what, deal.parties[WHO[who]])
        elif what == "sweep":
            deal = after(deal, Move.EXPIRE, None)
        elif what == "expiry":
            deal = replace(deal, expired=True)
        else:
            deal = replace(deal, overdue=True)
    return deal


def rules_cells() -> list[tuple[Kind, Cell]]:
    """All of the tables but `offer:cancel`, which asks less of the rules than they allow: `let-go` is what they allow."""
    return [(kind, cell) for kind, one in TABLES.items() for cell in one.cells if kind not in SWAPS or cell.move != "cancel"]


@pytest.mark.parametrize(("kind", "cell"), rules_cells(), ids=row_name)
@pytest.mark.parametrize("later", [False, True])
def test_a_move_brings_what_the_table_says(kind: Kind, cell: Cell, later: bool) -> None:
    before = come_to(kind, TABLES[kind].comes_by[cell.state])
    if later:  # times that do not matter: when a closed or confirmed deal would have expired, an open one be completed
        before = replace(before, overdue=True) if before.status in OPEN else replace(before, expired=True)
    by = before.parties[WHO[cell.who]]
    if cell.answer in CODES:
        with pytest.raises(Refusal) as no:
            moved(before, cell.move, by)
        assert no.value.code == CODES[cell.answer]
        return
    done = moved(before, cell.move, by)
    if cell.answer == "again":
        assert done == before, "who says it twice has said it once"
    elif cell.move == "counter":
        assert (done.status, done.revision, done.rounds) == (Status.COUNTERED, before.revision + 1, before.rounds + 1)
        assert (done.proposer, done.answers) == (by, frozenset())
    else:
        said = {(by, move_of(cell.move))}
        if before.is_ring and done.status is Status.CONFIRMED:
            said |= {(before.parties[0], Move.ACCEPT)}  # implied by having proposed it (C28)
        status = before.status if cell.answer == "asked" else Status(cell.answer)
        assert done == replace(before, status=status, answers=before.answers | said), "and nothing else has changed"


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind, one in TABLES.items() for state in one.comes_by])
def test_no_kind_allows_what_its_table_does_not_name_nor_a_stranger_any(kind: Kind, state: str) -> None:
    own = TABLES[kind]
    before = come_to(kind, own.comes_by[state])
    cells = [cell for cell in own.cells if cell.state == state]
    somebodys = {move_of(cell.move) for cell in cells if cell.answer not in ("no", "already", "too-late", "over")}
    if before.status in OPEN:
        somebodys.add(Move.EXPIRE)  # the clock's
    for move in Move:
        if before.status is Status.EXPIRED or (before.expired and move is not Move.EXPIRE):
            code = CODES["over" if before.is_ring else "too-late"]
        else:
            code = "FORBIDDEN" if move in somebodys else "INVALID_STATE"
        for by in (STRANGER,) if move in own.moves else (STRANGER, *before.parties):
            with pytest.raises(Refusal) as no:
                after(before, move, by)
            assert no.value.code == code, f"{move} by {by}"


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind, one in TABLES.items() for state in one.comes_by])
def test_the_clock_expires_what_is_open_and_due_and_does_nothing_else(kind: Kind, state: str) -> None:
    before = come_to(kind, TABLES[kind].comes_by[state])
    due = replace(before, expired=True)
    for move in Move:
        if move is Move.EXPIRE and before.status in OPEN:
            assert after(due, move, None) == replace(due, status=Status.EXPIRED)
        else:
            with pytest.raises((Refusal, AssertionError)):
                after(due, move, None)
    if before.status in OPEN and not before.expired:
        with pytest.raises(AssertionError):
            after(before, Move.EXPIRE, None)


@pytest.mark.parametrize("kind", Kind)
def test_every_deal_that_is_not_over_can_end_in_time_and_none_that_is_over_goes_on(kind: Kind) -> None:
    for state, steps in TABLES[kind].comes_by.items():
        deal = come_to(kind, steps)
        ends = {cell.answer for cell in TABLES[kind].cells if cell.state == state} & {status.value for status in CLOSED}
        if deal.status in OPEN:
            assert after(replace(deal, expired=True), Move.EXPIRE, None).status in CLOSED
            assert ends or deal.expired
        elif deal.status in HOLDING:
            # Whoever is left alone with it can end it once it is overdue: nothing stays held for ever (C14, C31).
            leave = Move.WITHDRAW if deal.is_ring else Move.CANCEL
            assert {after(replace(deal, overdue=True), leave, by).status for by in deal.parties} == {Status.CANCELLED}
        else:
            assert deal.status in CLOSED
            assert not ends
    assert set(Status) == OPEN | HOLDING | CLOSED
    assert len(OPEN) + len(HOLDING) + len(CLOSED) == len(Status)


# ── One machine ──


def test_trades_and_offers_differ_in_who_completes_and_in_nothing_else() -> None:
    """C1, C2"""
    trade, offer = ({(status, move): rule for (one, status, move), rule in MOVES.items() if one is kind} for kind in SWAPS)
    assert trade.keys() == offer.keys()
    assert [place for place in trade if trade[place] != offer[place]] == [(Status.CONFIRMED, Move.COMPLETE)]


def test_a_refusal_says_in_the_engine_s_words_what_is_not_to_be_done_now() -> None:
    for kind, told in ((Kind.TRADE, "A trade"), (Kind.OFFER, "An offer")):
        with pytest.raises(InvalidState) as no:
            after(proposed(kind), Move.CONFIRM, BOB)
        assert no.value.message == f"{told} that is proposed does not allow 'confirm'."
        assert no.value.details == {"status": Status.PROPOSED, "move": Move.CONFIRM}


# ── Counter-offers ──


@pytest.mark.parametrize("kind", SWAPS)
@pytest.mark.parametrize("steps", ["", "owner:interest"])
def test_a_counter_offer_replaces_what_its_maker_gives_and_the_other_is_to_answer(kind: Kind, steps: str) -> None:
    first = countered(come_to(kind, steps), BOB, LAMP)
    assert first.legs == swap(ALICE, BOB, [CAMERA], [LAMP])
    assert awaited(first) == (ALICE,)
    second = countered(first, ALICE, PIANO)
    assert second.legs == swap(ALICE, BOB, [PIANO], [LAMP]), "accepting swaps the latest terms of both (C37)"
    assert awaited(second) == (BOB,)
    for yes in (Move.ACCEPT, Move.CONFIRM):
        assert after(second, yes, BOB).legs == second.legs


@pytest.mark.parametrize("kind", SWAPS)
def test_the_item_of_a_counter_offer_is_in_the_place_of_all_that_its_maker_was_to_give(kind: Kind) -> None:
    bundle = replace(proposed(kind), legs=swap(ALICE, BOB, [CAMERA, LAMP], [BICYCLE, PIANO]))
    less = countered(bundle, BOB, PIANO)
    assert less.legs == swap(ALICE, BOB, [CAMERA, LAMP], [PIANO]), "one of the bundle is other terms than the bundle"
    assert countered(less, ALICE, CAMERA).legs == swap(ALICE, BOB, [CAMERA], [PIANO])


@pytest.mark.parametrize("kind", SWAPS)
def test_a_counter_offer_begins_its_time_anew_and_voids_what_was_said(kind: Kind) -> None:
    interested = come_to(kind, "owner:interest")
    assert interested.answers == {(BOB, Move.INTEREST)}
    with pytest.raises(OfferExpired):
        countered(replace(interested, expired=True), BOB, LAMP)
    fresh = countered(interested, BOB, LAMP)
    assert (fresh.expired, fresh.answers) == (False, frozenset())


@pytest.mark.parametrize("kind", SWAPS)
def test_twenty_rounds_and_not_one_more(kind: Kind) -> None:
    deal = proposed(kind)
    for number in range(20):
        deal = countered(deal, (BOB, ALICE)[number % 2], UUID(int=3000 + number))
    assert deal.rounds == 20
    with pytest.raises(InvalidState):
        countered(deal, BOB, UUID(int=4000))
    assert after(deal, Move.ACCEPT, BOB).status is Status.CONFIRMED, "it can still be accepted (C35)"
    assert after(deal, Move.REJECT, BOB).status is Status.REJECTED


# ── Who is waited for ──


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        (Kind.TRADE, "proposed", (BOB,)),
        (Kind.TRADE, "negotiating", (BOB,)),
        (Kind.TRADE, "countered", (ALICE,)),
        (Kind.TRADE, "confirmed", (ALICE, BOB)),
        (Kind.TRADE, "disputed-received", (BOB,)),
        (Kind.TRADE, "completed", ()),
        (Kind.OFFER, "proposed", (BOB,)),
        (Kind.OFFER, "negotiating", (BOB,)),
        (Kind.OFFER, "countered", (ALICE,)),
        (Kind.OFFER, "countered-back", (BOB,)),
        (Kind.OFFER, "confirmed", (ALICE, BOB)),
        (Kind.OFFER, "confirmed-received", (BOB,)),
        (Kind.OFFER, "rejected", ()),
        (Kind.CYCLE, "proposed", (BOB, CAROL)),
        (Kind.CYCLE, "own-yes", (BOB, CAROL)),
        (Kind.CHAIN, "one-yes", (CAROL,)),
        (Kind.CHAIN, "confirmed", (ALICE, BOB, CAROL)),
        (Kind.CHAIN, "disputed-nearly", (ALICE,)),
        (Kind.CYCLE, "expired", ()),
    ],
)
def test_it_waits_for_those_whose_word_moves_it_on(kind: Kind, state: str, expected: tuple[UUID, ...]) -> None:
    assert awaited(come_to(kind, TABLES[kind].comes_by[state])) == expected


# ── Legs ──


def test_a_swap_moves_each_side_to_the_other() -> None:
    assert swap(ALICE, BOB, [CAMERA, LAMP], [BICYCLE]) == (
        Leg(CAMERA, giver=ALICE, receiver=BOB),
        Leg(LAMP, giver=ALICE, receiver=BOB),
        Leg(BICYCLE, giver=BOB, receiver=ALICE),
    )
    for offered, requested in (([], [BICYCLE]), ([CAMERA], [])):
        with pytest.raises(AssertionError):
            swap(ALICE, BOB, offered, requested)
