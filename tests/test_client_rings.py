"""Offers, rings, matches and the inbox in the demo client, against a real server; the ring of the play; the ring's picture."""

import io
import re
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len
from rich.console import Console
from textual.widgets import Button, Input, OptionList, SelectionList, Static

from client_demo import play_pictures
from client_demo.app import SwaploopApp
from client_demo.chat import Row
from client_demo.connection import Person
from client_demo.deal_screen import DealScreen
from client_demo.inbox import Notice
from client_demo.matches_screen import MatchesScreen
from client_demo.offers import Offer
from client_demo.play import play
from client_demo.ring_command import ring
from client_demo.ring_drawing import draw, loop
from client_demo.ring_picture import picture_of
from client_demo.rings import Circle, Ring
from client_demo.rings_screen import RingsScreen
from client_demo.rows import Rows
from client_demo.wire import Data
from client_demo.words import change_sentence
from server.demo.market import load_demo_market
from tests.at_the_client import (
    PASSWORD,
    Market,
    Wire,
    app_in,
    app_of,
    lists,
    named,
    screen_text,
    seen_on,
    someone,
    until,
)
from tests.conftest import OpenMarket

# ── what is shown of a ring, without a server ───────────────────────────────────────────────────

SVG = "{http://www.w3.org/2000/svg}"


def thing(number: int) -> Data:
    title = f"Thing {number} <of> “many” & more than fits on a line"
    return {"id": f"item-{number}", "title": title, "estimatedValue": 900.0 + number, "condition": "GOOD", "images": []}


def opportunity(people: int, kind: str = "CYCLE") -> Data:
    """As the server prints one: in a cycle each receives the next one's item, in a chain each gives to the next."""
    preview = []
    for number in range(people):
        gets = (number + 1) % people if kind == "CYCLE" else number - 1
        gives_something = kind == "CYCLE" or number < people - 1
        preview.append(
            {
                "userId": f"user-{number}",
                "user": {"id": f"user-{number}", "fullName": f"Person {number}", "avatar": None},
                "givingItem": thing(number) if gives_something else None,
                "receivingItem": thing(gets) if kind == "CYCLE" or number else None,
                "score": 0.9 if kind == "CYCLE" or number else None,
                "chance": 0.7,
            }
        )
    measures = {"matchScore": 0.93, "band": "excellent", "expectedCompletion": 0.29}
    return {"id": "x", "type": kind, "participants": people, "preview": preview, **measures}


@pytest.mark.parametrize("kind", ["CYCLE", "CHAIN"])
@pytest.mark.parametrize("people", [3, 4, 5, 10])
def test_people_stand_in_the_order_in_which_the_things_go(people: int, kind: str) -> None:
    circle = Circle.of_opportunity(opportunity(people, kind)).seen_by("user-1")
    assert len({place.person for place in circle.places}) == people
    followers = [*circle.places[1:], *(circle.places[:1] if kind == "CYCLE" else ())]
    for giver, receiver in zip(circle.places, followers, strict=False):
        assert giver.gives == receiver.gets is not None
    if kind == "CYCLE":
        assert circle.places[0].person == "user-1"
    else:
        assert circle.places[0].gets is None
        assert circle.places[-1].gives is None


@pytest.mark.parametrize("kind", ["CYCLE", "CHAIN"])
@pytest.mark.parametrize("people", [3, 4, 5, 6, 10])
@pytest.mark.parametrize("columns", [34, 60, 76, 130])
def test_a_ring_is_drawn_within_any_width(people: int, kind: str, columns: int) -> None:
    circle = Circle.of_opportunity(opportunity(people, kind))
    for drawing in (draw(circle, "user-0", columns), loop(circle, "user-0", columns)):
        lines = ["".join(run.text for run in line) for line in drawing]
        assert len({cell_len(line) for line in lines}) == 1
        assert cell_len(lines[0]) <= columns
        told = "\n".join(lines)
        assert all(f"Person {number}" in told or (number == 0 and "You" in told) for number in range(people))
        assert ("╰──╯" in told or "╰───│" in told or "▲" in told) == (kind == "CYCLE")  # the way back


@pytest.mark.parametrize(("people", "kind"), [(3, "CYCLE"), (4, "CYCLE"), (10, "CYCLE"), (3, "CHAIN"), (5, "CHAIN")])
def test_the_picture_is_an_svg_that_shows_everyone_and_loads_nothing(people: int, kind: str) -> None:
    drawn = picture_of(opportunity(people, kind), {"item-0": play_pictures.camera(), "item-1": b"no picture"})
    root = ElementTree.fromstring(drawn)  # noqa: S314 - made here a moment ago
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert [words.count(f"Person {number}") for number in range(people)] == [1] * people
    assert words.count("90 %") == people - (kind == "CHAIN")
    assert "93 %" in "".join(root.itertext())
    assert "29 %" in "".join(root.itertext())
    assert len(list(root.iter(f"{SVG}image"))) == 1
    assert not re.search(r"<script|@import|@font-face|\bon\w+=|href=\"(?!data:image/jpeg)|url\((?!#)", drawn)
    assert "prefers-color-scheme:dark" in drawn
    x, y, width, height = map(float, str(root.get("viewBox")).split())
    for box in root.iter(f"{SVG}rect"):
        left, top = float(box.get("x", 0)), float(box.get("y", 0))
        assert x <= left <= left + float(box.get("width", 0)) <= x + width
        assert y <= top <= top + float(box.get("height", 0)) <= y + height


def offer(status: str, *, awaiting: tuple[str, ...] = (), **more: Any) -> Data:
    people = {name: {"id": name, "fullName": name.title(), "avatar": None} for name in ("amina", "bilal")}
    base = {"id": "o", "conversation": "c", "initiatorId": "amina", "recipientId": "bilal", "status": status, "revision": 1}
    items = {
        "offeredItem": thing(1),
        "requestedItem": thing(2),
        "completedBy": [],
        "cancelAskedBy": [],
        "overdue": False,
        "notes": None,
    }
    terms = {"terms": {"offeredItems": ["item-1"], "requestedItems": ["item-2"]}, "awaiting": list(awaiting)}
    return {**base, **items, **terms, "initiator": people["amina"], "recipient": people["bilal"], "updatedAt": "", **more}


@pytest.mark.parametrize(
    ("wire", "initiator", "recipient"),
    [
        (offer("PENDING", awaiting=("bilal",)), ["cancel"], ["accept", "counter", "reject"]),
        (
            offer("COUNTER_OFFERED", awaiting=("amina",), counterOfferItem=thing(3)),
            ["accept", "counter", "reject", "cancel"],
            ["cancel"],
        ),
        (offer("ACCEPTED"), ["complete", "cancel", "dispute"], ["complete", "cancel", "dispute"]),
        (offer("ACCEPTED", cancelAskedBy=["amina"]), ["complete", "dispute"], ["complete", "cancel", "dispute"]),
        (offer("ACCEPTED", completedBy=["amina"]), ["cancel", "dispute"], ["complete", "cancel", "dispute"]),
        (offer("DISPUTED", reason="broken"), ["complete", "cancel"], ["complete", "cancel"]),
        (offer("COMPLETED"), [], []),
        (offer("CANCELLED"), [], []),
    ],
)
def test_only_the_moves_of_an_offer_that_are_open_are_offered(wire: Data, initiator: list[str], recipient: list[str]) -> None:
    assert [move.verb for move in Offer.of(wire, "amina").moves()] == initiator
    assert [move.verb for move in Offer.of(wire, "bilal").moves()] == recipient


def test_who_would_call_an_offer_off_is_said() -> None:
    asked = offer("DISPUTED", cancelAskedBy=["amina"], reason="broken")
    assert Offer.of(asked, "amina").hint(named) == "problem: broken; you asked to call it off"
    assert Offer.of(asked, "bilal").hint(named) == "problem: broken; Amina asks to call it off"


def test_an_offers_terms_are_what_is_on_the_table_now() -> None:
    terms = {"offeredItems": ["item-1"], "requestedItems": ["item-3"]}
    countered = offer("COUNTER_OFFERED", terms=terms, counterOfferItem=thing(3))
    mine = Offer.of(countered, "amina")
    assert [given.item_id for given in mine.gives] == ["item-1"]
    assert [gotten.item_id for gotten in mine.gets] == ["item-3"]
    assert mine.stages[mine.stage or 0] == "counter-offered"
    assert not Offer.of(offer("PENDING", terms={"offeredItems": ["gone"], "requestedItems": ["item-2"]}), "amina").is_known


def chain(status: str, *, awaiting: tuple[int, ...] = (), done: tuple[int, ...] = (), **more: Any) -> Data:
    """User 0 proposed it."""
    participants = [
        {
            "id": place["userId"],
            "user": place["user"],
            "givingItem": place["givingItem"],
            "receivingItem": place["receivingItem"],
            "position": number,
            "status": "COMPLETED" if number in done else "PENDING" if number in awaiting or not number else "ACCEPTED",
        }
        for number, place in enumerate(opportunity(3)["preview"])
    ]
    base = {"id": "r", "conversation": "c", "chainType": "CYCLE", "matchScore": 0.9, "initiatorId": "user-0", "revision": 1}
    waits = {"awaiting": [f"user-{number}" for number in awaiting], "participants": participants}
    return {**base, **waits, "status": status, "overdue": False, "updatedAt": "", **more}


@pytest.mark.parametrize(
    ("wire", "proposer", "asked"),
    [
        (chain("PROPOSED", awaiting=(1, 2)), ["cancel"], ["accept", "reject"]),
        (chain("PENDING", awaiting=(2,)), ["cancel"], []),
        (chain("ACCEPTED", awaiting=(0, 1, 2)), ["execute", "withdraw", "dispute"], ["execute", "withdraw", "dispute"]),
        (chain("ACCEPTED", awaiting=(0, 2), done=(1,)), ["execute", "dispute"], ["dispute"]),
        (chain("DISPUTED", awaiting=(0, 1, 2)), ["execute", "withdraw"], ["execute", "withdraw"]),
        (chain("COMPLETED"), [], []),
        (chain("REJECTED", reason="no"), [], []),
    ],
)
def test_only_the_moves_of_a_ring_that_are_open_are_offered(wire: Data, proposer: list[str], asked: list[str]) -> None:
    assert [move.verb for move in Ring.of(wire, "user-0").moves()] == proposer
    assert [move.verb for move in Ring.of(wire, "user-1").moves()] == asked


def test_who_proposed_a_ring_has_said_yes() -> None:
    seen = Ring.of(chain("PENDING", awaiting=(2,)), "user-1")
    assert {place.person: place.answer for place in seen.circle.places} == {
        "user-0": "ACCEPTED",
        "user-1": "ACCEPTED",
        "user-2": "PENDING",
    }
    assert seen.hint(lambda person: seen.names[person or ""]) == "waiting for Person 2"


def test_changes_of_a_ring_are_sentences() -> None:
    assert change_sentence({"move": "accept", "status": "PENDING"}, "Bilal", "ring") == "Bilal said yes"
    assert "held for this ring" in change_sentence({"move": "accept", "status": "ACCEPTED"}, "Bilal", "ring")
    withdrawn = {"move": "withdraw", "status": "CANCELLED", "reason": "ill"}
    assert change_sentence(withdrawn, "Bilal", "ring") == "Bilal stepped back: it is off for everyone: ill"


# ── at the terminal ─────────────────────────────────────────────────────────────────────────────


class Three(NamedTuple):
    """Things of three people, each of whom wants the next one's; the last one wants the first one's."""

    amina: Data
    bilal: Data
    cyra: Data


async def ring_of(amina: Person, bilal: Person, cyra: Person) -> Three:
    """What the three list finds no other ring on this market, whatever other tests have listed there."""
    words = [f"loop{uuid4().hex[:10]}" for _ in range(3)]
    things = []
    for person, own, wanted in zip((amina, bilal, cyra), words, (*words[1:], words[0]), strict=True):
        wants = {"categories": ["books"], "keywords": [wanted]}
        things.append(await lists(person, f"Book {own}", lookingFor="item_swap", estimatedValue=900, wants=wants))
    return Three(*things)


async def test_a_ring_is_found_proposed_agreed_to_and_executed_by_keys(market: Market) -> None:
    """Amina sits at the app, whose window she makes larger and smaller; Bilal and Cyra are played by the core."""
    sizes = [(80, 24), (130, 40)]
    async with someone(market, "Bilal") as bilal, someone(market, "Cyra") as cyra, app_of(market, "Amina", sizes[0]) as pilot:
        app = app_in(pilot)
        things = await ring_of(app.person, bilal, cyra)
        await pilot.press("2")
        await seen_on(pilot, sizes, lambda: things.amina["title"] in screen_text(app), "my thing")
        await pilot.press("o")
        drawn = ("ring of 3", "▶", "expected", "You", "Bilal", "Cyra")
        await seen_on(pilot, sizes, lambda: all(word in screen_text(app) for word in drawn), "the ring, drawn")
        assert isinstance(app.screen, RingsScreen)
        await pilot.press("e")
        await seen_on(pilot, sizes, lambda: "by chance" in screen_text(app), "ranked by chance")

        await pilot.press("p")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "the proposed ring")
        deal = app.desk.newest_first()[0]
        assert isinstance(deal, Ring)
        await seen_on(pilot, sizes, lambda: "waiting for" in screen_text(app), "who is awaited")
        assert "and Bilal" in screen_text(app) or "and Cyra" in screen_text(app)

        chain_id, conversation = deal.id, deal.conversation_id
        await bilal.does("chain:respond", chainId=chain_id, accept=True, message="Gladly")
        await seen_on(pilot, sizes, lambda: "Bilal said yes" in screen_text(app), "his yes")
        await seen_on(pilot, sizes, lambda: "Gladly" in screen_text(app), "his message")
        await seen_on(pilot, sizes, lambda: "waiting for Cyra" in screen_text(app), "only she is awaited")
        await pilot.press(*"Hello", "enter")
        await bilal.does("message:read", conversationId=conversation)
        await cyra.until(lambda: len(cyra.logs[conversation].entries) == 4)
        assert not all(row.is_read for row in app.screen.query(Row) if row.mine)  # she has not read it
        await cyra.does("message:read", conversationId=conversation)
        await until(pilot, lambda: all(row.is_read for row in app.screen.query(Row) if row.mine), "read by both")
        await cyra.does("chain:respond", chainId=chain_id, accept=True)

        await until(pilot, lambda: bool(app.screen.query("#move-execute")), "the move that is open now")
        await pilot.press("f4")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: not app.screen.query("#move-execute"), "said")
        await bilal.does("chain:execute", chainId=chain_id)
        await cyra.does("chain:execute", chainId=chain_id)
        await until(pilot, lambda: app.desk.deals[conversation].status == "completed", "completed")
        assert (await app.person.does("item:get", itemId=things.bilal["id"]))["owner"] == app.person.id
        assert (await app.person.does("item:get", itemId=things.amina["id"]))["owner"] == cyra.id


def is_open(app: SwaploopApp, move: str) -> bool:
    return bool(app.screen.query(f"#move-{move}"))


def is_closed(app: SwaploopApp, move: str) -> bool:
    return not is_open(app, move)


async def test_who_is_asked_hears_of_it_in_the_inbox_and_answers(market: Market) -> None:
    async with someone(market, "Bilal") as bilal, someone(market, "Cyra") as cyra, app_of(market, "Amina", (110, 30)) as pilot:
        app = app_in(pilot)
        things = await ring_of(app.person, bilal, cyra)
        for answer, key, status in (("reject", "f8", "REJECTED"), ("accept", "f3", "PENDING")):
            found = (await bilal.does("barter:opportunities", itemId=things.bilal["id"]))["opportunities"]["cycles"][0]
            proposed = await bilal.does("chain:create", itemId=things.bilal["id"], opportunityId=found["id"])
            await until(pilot, lambda: "Inbox •1" in screen_text(app), "one unread in the top bar")
            await pilot.press("4")
            await until(pilot, lambda: "Bilal proposes the ring of 3" in screen_text(app), "what it is about")
            app.screen.query_one("#inbox-list", Rows).highlighted = 0
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, DealScreen), "the ring")
            await until(pilot, lambda: "Inbox •" not in screen_text(app), "read")
            await until(pilot, partial(is_open, app, answer), "it is mine to answer")
            await pilot.press(key)
            await until(pilot, lambda: bool(app.screen.query("#reason")), "the question")
            app.screen.query_one("#reason", Input).value = "because I read it"
            await pilot.press("enter")
            await until(pilot, lambda: "because I read it" in screen_text(app), "what I said with it")
            await until(pilot, partial(is_closed, app, answer), "answered")
            seen = await cyra.does("chain:get", chainId=proposed["id"])
            assert seen["status"] == status
            assert seen["awaiting"] == ([cyra.id] if status == "PENDING" else [])
            await pilot.press("escape")


async def test_another_ring_that_was_found_is_opened_from_the_inbox_and_proposed(market: Market) -> None:
    """Cyra says no; Dave has what Bilal would take as well, and wants what Amina has."""
    async with AsyncExitStack() as people:
        bilal, cyra, dave = [await people.enter_async_context(someone(market, name)) for name in ("Bilal", "Cyra", "Dave")]
        pilot = await people.enter_async_context(app_of(market, "Amina", (110, 30)))
        app = app_in(pilot)
        things = await ring_of(app.person, bilal, cyra)
        lamp = await lists(dave, "Lamp", wants={"items": [things.amina["id"]]})
        found = (await bilal.does("barter:opportunities", itemId=things.bilal["id"]))["opportunities"]["cycles"][0]
        proposed = await bilal.does("chain:create", itemId=things.bilal["id"], opportunityId=found["id"])
        await bilal.does("item:update", itemId=things.bilal["id"], wants=things.bilal["wants"] | {"items": [lamp["id"]]})
        await cyra.does("chain:respond", chainId=proposed["id"], accept=False)

        def found_ring() -> list[Notice]:
            return [notice for notice in app.desk.inbox.newest_first() if notice.kind == "ring-found"]

        await until(pilot, lambda: bool(found_ring()), "another ring")
        app.push_screen(DealScreen(proposed["conversation"]))
        await until(pilot, lambda: "Inbox •1" in screen_text(app), "the talk about the old one does not tell of it")
        await pilot.press("escape", "4")
        await until(pilot, lambda: "There is another ring for" in screen_text(app), "the notice")
        rows = app.screen.query_one("#inbox-list", Rows)
        rows.highlighted = next(
            place for place in range(rows.option_count) if rows.get_option_at_index(place).id == found_ring()[0].id
        )
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RingsScreen), "the rings through my thing")
        await until(pilot, lambda: app.screen.query_one(Rows).option_count == 2, "the old one, and this one")
        await until(pilot, lambda: "Dave" in screen_text(app) and "Lamp" in screen_text(app), "this one, drawn")
        assert app.screen.query_one(Rows).here == found_ring()[0].opportunity_id
        assert "Inbox •" not in screen_text(app)
        await pilot.press("p")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "the proposed ring")
        assert set(app.desk.newest_first()[0].others) == {bilal.id, dave.id}


async def test_an_opportunity_that_is_gone_is_a_sentence_and_is_looked_for_again(market: Market) -> None:
    async with someone(market, "Bilal") as bilal, someone(market, "Cyra") as cyra, app_of(market, "Amina", (100, 30)) as pilot:
        app = app_in(pilot)
        things = await ring_of(app.person, bilal, cyra)
        app.push_screen(RingsScreen(things.amina))
        await until(pilot, lambda: "ring of 3" in screen_text(app), "the ring")
        await cyra.does("item:delete", itemId=things.cyra["id"])
        await pilot.press("p")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: "No ring through" in screen_text(app), "there is none any more")


async def test_an_offer_is_made_countered_accepted_and_completed_by_keys(market: Market) -> None:
    async with someone(market, "Bilal") as bilal, app_of(market, "Amina", (110, 32)) as pilot:
        app = app_in(pilot)
        tag = uuid4().hex[:8]
        telescope, globe = await lists(bilal, f"Telescope {tag}"), await lists(bilal, f"Globe {tag}")
        chess, _lamp = await lists(app.person, f"Chess set {tag}"), await lists(app.person, f"Lamp {tag}")
        await pilot.press("1", "slash", *tag, "enter")
        await until(pilot, lambda: f"Telescope {tag}" in screen_text(app), "found")
        rows = app.screen.query_one("#browse-list", Rows)
        await until(pilot, lambda: rows.option_count == 4, "the four of the two")
        rows.highlighted = next(place for place in range(4) if rows.get_option_at_index(place).id == telescope["id"])
        await pilot.press("p")
        await until(pilot, lambda: app.screen.query_one(SelectionList).option_count == 2, "what I could give")
        app.screen.query_one(SelectionList).select(chess["id"])
        app.screen.query_one("#message", Input).value = "For your telescope?"
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "the offer")
        deal = app.desk.newest_first()[0]
        assert isinstance(deal, Offer)
        assert "pending" in screen_text(app)
        assert "For your telescope?" in screen_text(app)

        await bilal.does("offer:counter", offerId=deal.id, counterOfferItemId=globe["id"])
        await until(pilot, lambda: "counter-offered" in screen_text(app) and f"Globe {tag}" in screen_text(app), "his counter")
        await until(pilot, lambda: bool(app.screen.query("#move-counter")), "mine to answer")
        await pilot.press("f5")
        await until(pilot, lambda: app.screen.query_one("#gives", OptionList).option_count == 1, "my other thing")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: f"Lamp {tag} ⇄ Globe {tag}" in screen_text(app), "the new terms")
        now = await bilal.does("offer:get", offerId=deal.id)
        assert now["awaiting"] == [bilal.id]
        await bilal.does("offer:accept", offerId=deal.id, revision=now["revision"])

        await until(pilot, lambda: bool(app.screen.query("#move-complete")), "accepted")
        await pilot.press("f4")
        await until(pilot, lambda: bool(app.screen.query("#reason")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: "waiting for Bilal to say" in screen_text(app), "one of two has said so")
        await bilal.does("offer:complete", offerId=deal.id)
        await until(pilot, lambda: app.desk.deals[deal.conversation_id].status == "completed", "completed")
        assert (await app.person.does("item:get", itemId=globe["id"]))["owner"] == app.person.id

        await app.desk.load_deals()  # trades and offers list each other's (C1): each is still shown once, as what it is
        assert [type(known) for known in app.desk.deals.values()] == [Offer]


async def test_matches_say_why_and_lead_to_a_proposal(market: Market) -> None:
    async with someone(market, "Bilal") as bilal, app_of(market, "Amina", (110, 32)) as pilot:
        app = app_in(pilot)
        one, other = (f"pair{uuid4().hex[:10]}" for _ in range(2))
        mine = await lists(app.person, f"Book {one}", wants={"categories": ["books"], "keywords": [other]}, estimatedValue=500)
        await lists(bilal, f"Book {other}", wants={"categories": ["books"], "keywords": [one]}, estimatedValue=500)
        app.push_screen(MatchesScreen(mine))
        await until(pilot, lambda: f"Book {other}" in screen_text(app), "the match")
        assert "You want" in screen_text(app)
        assert "Each of you has what the other is looking for" in screen_text(app)
        await pilot.press("p")
        await until(pilot, lambda: bool(app.screen.query(SelectionList)), "the proposal")
        await until(pilot, lambda: app.screen.query_one(SelectionList).selected == [mine["id"]], "with my thing picked")
        app.screen.query_one("#trade", Button).press()
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "proposed")


async def test_the_inbox_counts_what_is_unread_and_lacks_nothing_that_came_while_away(market: Market) -> None:
    async with Wire.to(market.url) as wire, someone(market, "Bilal") as bilal, app_of(wire, "Amina", (110, 30)) as pilot:
        app = app_in(pilot)
        mine = await lists(app.person, "Globe")
        lamp, chair = await lists(bilal, "Lamp"), await lists(bilal, "Chair")
        await bilal.does("trade:request", offeredItem=lamp["id"], requestedItem=mine["id"])
        await until(pilot, lambda: "Inbox •1" in screen_text(app), "one")
        wire.closed = True
        wire.cut()
        await until(pilot, lambda: "reconnecting" in screen_text(app), "away")
        await bilal.does("trade:request", offeredItem=chair["id"], requestedItem=mine["id"])
        wire.closed = False
        await until(pilot, lambda: "Inbox •2" in screen_text(app), "two")
        await pilot.press("4")
        await until(pilot, lambda: screen_text(app).count("Bilal offers you") == 2, "both")
        await pilot.press("a")
        await until(pilot, lambda: "everything read" in screen_text(app), "all read")
        assert "•" not in str(app.screen.query_one("#to-inbox", Static).render())


# ── the play, and the command ───────────────────────────────────────────────────────────────────


async def test_the_play_ends_with_swapped_owners_and_finds_a_ring_or_lists_new_things_where_there_is_none_left(
    open_market: OpenMarket,
) -> None:
    async with open_market() as market:
        await load_demo_market(market.service.app, market.service.pictures)
        told = [await played(market.url), await played(market.url)]
    for story in told:
        assert "Film camera: Amina → Bilal" in story
        assert "City bicycle: Bilal → Amina" in story
        assert "ITEM_UNAVAILABLE" in story
        assert "the same for all 2, without a gap" in story
        assert "the same for all 3, without a gap" in story
        assert "⟳ ring of 3" in story
        assert "in twos: nobody" in story
        assert "PENDING → ACCEPTED" in story
        assert "COMPLETED, 0 to go" in story
    assert "Espresso machine: Salma → Nour" in told[0]
    assert "list new things" not in told[0]
    assert "list new things" in told[1]
    assert "Oud: Salma → Nour" in told[1]


async def played(url: str) -> str:
    out = io.StringIO()
    await play(url, 0.0, Console(file=out, width=100, highlight=False))
    return " ".join(out.getvalue().replace("│", " ").split())


async def test_the_command_draws_the_best_ring_and_says_when_there_is_none(market: Market) -> None:
    async with AsyncExitStack() as people:
        amina, bilal, cyra = [await people.enter_async_context(someone(market, name)) for name in ("Amina", "Bilal", "Cyra")]
        things = await ring_of(amina, bilal, cyra)
        await amina.uploads(things.amina["id"], [play_pictures.camera()])
        email = amina.user["email"]
        drawn = await ring(market.url, email, PASSWORD, things.amina["title"].upper(), 5)
        assert "data:image/jpeg;base64," in drawn
        assert all(f">{name}<" in drawn for name in ("Amina", "Bilal", "Cyra"))
        with pytest.raises(SystemExit, match="has “teapot” in its title"):
            await ring(market.url, email, PASSWORD, "teapot", 5)
        await cyra.does("item:delete", itemId=things.cyra["id"])
        with pytest.raises(SystemExit, match="There is no ring through"):
            await ring(market.url, email, PASSWORD, things.amina["id"], 5)
        with pytest.raises(SystemExit, match="INVALID_CREDENTIALS"):
            await ring(market.url, email, "another password", "book", 5)
