"""Rings of three to ten, cycles and chains: who answers in which order, who gets what, and how they are shown."""

import itertools
import random
from dataclasses import replace
from uuid import UUID

import pytest

from matching.deal import Deal, Kind, Leg, Move, Status, positions, ring
from matching.moves import after, awaited
from matching.refusals import AlreadyResponded, ChainInExecution

TEN = tuple(UUID(int=number) for number in range(101, 111))
ALICE, BOB, CAROL, DAN = (UUID(int=number) for number in range(1, 5))
CAMERA, BICYCLE, LAMP, PIANO = (UUID(int=number) for number in range(11, 15))
STEPS = [(ALICE, CAMERA), (BOB, BICYCLE), (CAROL, LAMP), (DAN, PIANO)]  # each wants the next one's item


def proposed(kind: Kind, people: tuple[UUID, ...]) -> Deal:
    """A new ring of these people, which the first of them opens."""
    legs = ring(kind, [(person, UUID(int=person.int + 1000)) for person in people])
    return Deal(id=UUID(int=99), kind=kind, status=Status.PROPOSED, revision=1, parties=people, legs=legs)


def rings() -> list[Deal]:
    return [proposed(kind, TEN[:size]) for kind in (Kind.CYCLE, Kind.CHAIN) for size in (3, 4, 10)]


def orders(people: tuple[UUID, ...]) -> list[tuple[UUID, ...]]:
    """All orders of few; of many, forty that are always the same."""
    if len(people) < 5:
        return list(itertools.permutations(people))
    chance = random.Random(7)
    return [tuple(chance.sample(people, len(people))) for _ in range(40)]


@pytest.mark.parametrize("deal", rings(), ids=lambda deal: f"{deal.kind}-{len(deal.parties)}")
def test_a_ring_is_agreed_with_the_last_yes_of_who_did_not_propose_it_in_any_order(deal: Deal) -> None:
    for order in orders(deal.parties):
        now = deal
        others = set(deal.parties[1:])
        for person in order:
            if not others:
                break  # the proposer's own yes is not waited for (C28)
            now = after(now, Move.ACCEPT, person)
            others.discard(person)
            assert now.status is (Status.NEGOTIATING if others else Status.CONFIRMED)
            assert awaited(now) == (tuple(p for p in deal.parties if p in others) if others else deal.parties)
        assert now.has_said(Move.ACCEPT) == set(deal.parties), "the proposer's yes is recorded as such"
        assert after(now, Move.ACCEPT, deal.parties[0]) == now, "to say it as well is no mistake (C28)"
        for person in deal.parties[1:]:
            with pytest.raises(AlreadyResponded):
                after(now, Move.ACCEPT, person)


@pytest.mark.parametrize("deal", rings(), ids=lambda deal: f"{deal.kind}-{len(deal.parties)}")
def test_one_no_ends_a_ring_whoever_says_it_and_however_many_said_yes(deal: Deal) -> None:
    for yeses in range(len(deal.parties) - 1):
        now = deal
        for person in deal.parties[1 : 1 + yeses]:
            now = after(now, Move.ACCEPT, person)
        for person in set(deal.parties) - now.has_said(Move.ACCEPT):
            assert after(now, Move.REJECT, person).status is Status.REJECTED
        for person in now.has_said(Move.ACCEPT):
            with pytest.raises(AlreadyResponded):
                after(now, Move.REJECT, person)


@pytest.mark.parametrize("deal", rings(), ids=lambda deal: f"{deal.kind}-{len(deal.parties)}")
def test_a_ring_is_completed_with_the_last_word_of_all_in_any_order(deal: Deal) -> None:
    for person in deal.parties[1:]:
        deal = after(deal, Move.ACCEPT, person)
    for order in orders(deal.parties):
        now = deal
        for place, person in enumerate(order):
            if place:
                for leave, by in ((Move.CANCEL, deal.parties[0]), (Move.WITHDRAW, person)):
                    with pytest.raises(ChainInExecution):
                        after(now, leave, by)
            now = after(now, Move.EXECUTE, person)
            over = place == len(order) - 1
            assert now.status is (Status.COMPLETED if over else Status.CONFIRMED)
            assert set(awaited(now)) == (set() if over else set(order[place + 1 :]))


def test_in_a_cycle_each_receives_the_next_ones_item_and_the_last_the_firsts() -> None:
    assert ring(Kind.CYCLE, STEPS) == (
        Leg(BICYCLE, giver=BOB, receiver=ALICE),
        Leg(LAMP, giver=CAROL, receiver=BOB),
        Leg(PIANO, giver=DAN, receiver=CAROL),
        Leg(CAMERA, giver=ALICE, receiver=DAN),
    )


def test_in_a_chain_the_last_only_gives_and_the_first_keeps_what_they_have() -> None:
    assert ring(Kind.CHAIN, STEPS) == (
        Leg(BICYCLE, giver=BOB, receiver=ALICE),
        Leg(LAMP, giver=CAROL, receiver=BOB),
        Leg(PIANO, giver=DAN, receiver=CAROL),
    )


@pytest.mark.parametrize("steps", [STEPS[:2], [*STEPS, (ALICE, UUID(int=15))]], ids=["two people", "somebody twice"])
@pytest.mark.parametrize("kind", [Kind.CYCLE, Kind.CHAIN])
def test_a_ring_is_of_three_people_or_more_each_in_it_once(kind: Kind, steps: list[tuple[UUID, UUID]]) -> None:
    with pytest.raises(AssertionError):
        ring(kind, steps)


@pytest.mark.parametrize("start", range(4))
def test_a_ring_is_shown_from_who_opened_it_or_from_who_only_gives(start: int) -> None:
    people = [person for person, _ in STEPS]
    opened = tuple(people[start:] + people[:start])  # whoever of them opened it
    deal = replace(proposed(Kind.CYCLE, opened), legs=ring(Kind.CYCLE, STEPS))
    assert positions(deal) == opened, "a cycle: from its opener, each gets from the next (S2.53)"
    deal = replace(deal, kind=Kind.CHAIN, legs=ring(Kind.CHAIN, STEPS))
    assert positions(deal) == (DAN, CAROL, BOB, ALICE), "a chain: from who only gives, each gives to the next (C59, C60)"
