"""The demo client against a real server: its core, its terminal app driven by keys, the play."""

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList, SelectionList, Static

from client_demo import play_pictures
from client_demo.app import SwaploopApp
from client_demo.attempts import Door
from client_demo.chat import ChatLog, Happening, Row
from client_demo.connection import Person, State
from client_demo.deal_screen import DealScreen
from client_demo.logs import Entry, Log, Logs
from client_demo.pages import Page
from client_demo.patience import Patience
from client_demo.picture import half_blocks
from client_demo.play import play
from client_demo.rest_door import RestDoor
from client_demo.rows import Rows
from client_demo.servers import Servers
from client_demo.sign_in_screen import SignInScreen
from client_demo.trades import Trade
from client_demo.wire import ROUTES, Data, Refused, RestCall, Unreachable
from client_demo.words import change_sentence, clean, failure, wants
from handlers.action import ACTIONS
from tests.at_the_client import (
    PASSWORD,
    Market,
    OpenMarket,
    Wire,
    adds_item,
    app_in,
    app_of,
    lists,
    named,
    screen_text,
    seen_on,
    someone,
    until,
)


async def proposes(person: Person, owner: Person, **more: Any) -> Data:
    give, get = await lists(person, "Chess set"), await lists(owner, "Telescope")
    trade: Data = await person.does("trade:request", offeredItem=give["id"], requestedItem=get["id"], **more)
    return trade


# ── the core ────────────────────────────────────────────────────────────────────────────────────


async def test_one_action_by_both_doors(market: Market) -> None:
    async with someone(market, "Amina") as amina:
        by_event = await amina.does("user:me", via=Door.EVENT)
        by_rest = await amina.does("user:me", via=Door.REST)
        assert by_event == by_rest
        assert by_event["id"] == amina.id


def test_rest_routes_are_where_the_server_has_them() -> None:
    assert len(ROUTES) > 25
    for event, route in ROUTES.items():
        act = ACTIONS[event]
        assert act.path is not None
        theirs = re.sub(r"_(\w)", lambda letter: letter[1].upper(), act.path)
        assert (event, *route) == (event, act.method, theirs)


async def test_a_refusal_carries_its_code_and_field(market: Market) -> None:
    async with someone(market, "Amina") as amina:
        for door in Door:
            with pytest.raises(Refused) as no:
                await amina.does("item:get", via=door, itemId=str(uuid4()))
            assert no.value.code == "NOT_FOUND"
        with pytest.raises(Refused) as no:
            await amina.does("item:create", title="")
        assert (no.value.code, bool(no.value.field)) == ("INVALID_REQUEST", True)
    async with Person(market.url) as stranger:
        with pytest.raises(Refused) as no:
            await stranger.does("user:me")
        assert no.value.code == "UNAUTHENTICATED"


async def test_an_answer_lost_on_the_way_is_asked_for_again_and_the_effect_happens_once(market: Market) -> None:
    async with Wire.to(market.url) as wire, someone(market, "Amina", wire.url) as amina:
        wire.swallows = True
        asking = asyncio.create_task(lists(amina, "Only once"))
        await asyncio.sleep(0.3)  # the server has long done it; its answer did not come through
        wire.swallows = False
        item = await asking
        mine = await amina.does("item:mine")
        assert [listed["id"] for listed in mine["items"]] == [item["id"]]
        await amina.until(lambda: amina.state is State.ONLINE)


async def test_what_was_missed_while_away_comes_in_order_and_once(market: Market) -> None:
    async with Wire.to(market.url) as wire, someone(market, "Amina", wire.url) as amina, someone(market, "Bilal") as bilal:
        trade = await proposes(bilal, amina)
        conversation = trade["conversation"]
        log = amina.logs[conversation]
        await amina.until(lambda: log.seen_to == 1)
        told: list[int] = []
        amina.on_entry(lambda _log, entry: told.append(entry.seq))

        wire.closed = True
        wire.cut()
        await amina.until(lambda: amina.state is State.RECONNECTING)
        for number in range(12):
            await bilal.does("message:send", conversationId=conversation, text=f"message {number}")
        wire.closed = False
        await amina.until(lambda: amina.state is State.ONLINE)
        await amina.until(lambda: log.seen_to == 13)
        await bilal.does("message:send", conversationId=conversation, text="and live again")
        await amina.until(lambda: log.seen_to == 14)

        assert told == list(range(2, 15))
        assert amina.logs.unread(conversation) == 14


async def test_read_marks_typing_and_presence_reach_the_other_side(market: Market) -> None:
    async with someone(market, "Amina") as amina, someone(market, "Bilal") as bilal:
        conversation = (await proposes(bilal, amina))["conversation"]
        await bilal.watch([amina.id])
        assert bilal.is_online(amina.id)

        await amina.does("typing", conversationId=conversation, typing=True)
        await bilal.until(lambda: bilal.typists(conversation) == [amina.id])
        await amina.does("message:send", conversationId=conversation, text="Hello")
        await bilal.until(lambda: bilal.logs[conversation].seen_to == 2)
        assert bilal.typists(conversation) == []  # who has spoken has stopped typing

        await bilal.does("message:read", conversationId=conversation)
        await amina.until(lambda: amina.logs[conversation].read_to_by([bilal.id]) == 2)


async def test_a_token_is_renewed_before_it_expires_and_the_socket_goes_on(open_market: OpenMarket) -> None:
    async with open_market(ACCESS_TOKEN_TTL="5") as market, someone(market, "Amina") as amina:
        states: list[State] = []
        amina.on_state(states.append)
        for _half_second in range(12):
            assert (await amina.does("user:me", via=Door.EVENT))["id"] == amina.id
            await asyncio.sleep(0.5)
        assert states == []  # never dropped, though the first token has long expired


async def test_signed_out_ends_the_session_and_says_so(market: Market) -> None:
    async with someone(market, "Amina") as amina:
        await amina.sign_out()
        assert amina.state is State.OFFLINE
        with pytest.raises(Refused) as no:
            await amina.connect()
        assert no.value.code == "UNAUTHENTICATED"


async def test_no_server_is_said_in_bounded_time() -> None:
    async with Person("http://127.0.0.1:9", patience=Patience(call_seconds_max=0.5)) as person:
        with pytest.raises(Unreachable):
            await person.sign_in("a@example.org", PASSWORD)


# ── the keepers, which need no server ───────────────────────────────────────────────────────────


def entry(seq: int, sender: str = "bilal") -> Data:
    return {"conversationId": "c", "seq": seq, "kind": "message", "sender": sender, "createdAt": "", "text": f"{seq}"}


async def test_a_log_is_in_order_and_without_a_gap_whatever_order_pushes_come_in() -> None:
    asked: list[int] = []
    told: list[int] = []

    async def does(event: str, *, conversationId: str, afterSeq: int, limit: int) -> list[Data]:  # noqa: N803 - the wire's
        asked.append(afterSeq)
        return [entry(seq) for seq in range(afterSeq + 1, 8)]

    def tell(_log: Log, heard: Entry) -> None:
        told.append(heard.seq)

    logs = Logs(does, tell, lambda: "amina")
    for seq in (1, 2, 2, 4, 7, 1):
        logs.take(Entry.of(entry(seq)))
    assert told == [1, 2]
    await logs.settled()
    assert told == [1, 2, 3, 4, 5, 6, 7]
    assert asked == [2]
    assert logs.mark("c", "amina", 5)
    assert not logs.mark("c", "amina", 4)
    assert logs.unread("c") == 2


def trade(status: str, **more: Any) -> Data:
    legs = [
        {"item": "1", "title": "Chess set", "condition": "GOOD", "giver": "amina", "receiver": "bilal"},
        {"item": "2", "title": "Telescope", "condition": "NEW", "giver": "bilal", "receiver": "amina"},
    ]
    base = {"id": "t", "conversation": "c", "status": status, "revision": 3, "requester": "amina", "owner": "bilal"}
    waits = {"awaiting": ["amina", "bilal"] if status == "confirmed" else [], "cancelAskedBy": [], "overdue": False}
    return {**base, **waits, "legs": legs, "updatedAt": "2026-01-01T00:00:00Z", **more}


def counter(by: str) -> Data:
    return trade("negotiating", reason="countered", awaiting=["bilal" if by == "amina" else "amina"])


@pytest.mark.parametrize(
    ("wire", "requester", "owner"),
    [
        (trade("proposed", awaiting=["bilal"]), ["cancel"], ["interest", "accept", "counter", "reject"]),
        (trade("negotiating", awaiting=["bilal"]), ["cancel"], ["confirm", "counter", "reject"]),
        (counter(by="bilal"), ["confirm", "counter", "reject", "cancel"], ["cancel"]),
        (counter(by="amina"), ["cancel"], ["confirm", "counter", "reject", "cancel"]),
        (trade("confirmed"), ["complete", "cancel", "dispute"], ["complete", "cancel", "dispute"]),
        (trade("confirmed", cancelAskedBy=["amina"]), ["complete", "dispute"], ["complete", "cancel", "dispute"]),
        (trade("confirmed", cancelAskedBy=["amina"], reason="ill"), ["complete", "dispute"], ["complete", "cancel", "dispute"]),
        (
            trade("confirmed", cancelAskedBy=["amina"], overdue=True),
            ["complete", "cancel", "dispute"],
            ["complete", "cancel", "dispute"],
        ),
        (trade("confirmed", reason="broken"), ["complete", "cancel"], ["complete", "cancel"]),
        (trade("confirmed", reason="broken", awaiting=["bilal"]), ["cancel"], ["complete", "cancel"]),
        (trade("completed"), [], []),
        (trade("rejected", reason="expired"), [], []),
    ],
)
def test_only_the_moves_that_are_open_are_offered(wire: Data, requester: list[str], owner: list[str]) -> None:
    assert [move.verb for move in Trade.of(wire, "amina").moves()] == requester
    assert [move.verb for move in Trade.of(wire, "bilal").moves()] == owner


def test_who_would_call_it_off_is_said() -> None:
    asked = trade("confirmed", cancelAskedBy=["amina"], reason="ill")
    assert Trade.of(asked, "amina").hint(named) == "you asked to call it off: ill"
    assert Trade.of(asked, "bilal").hint(named) == "Amina asks to call it off: ill"
    assert Trade.of(trade("confirmed", reason="broken"), "bilal").hint(named) == "problem: broken"


def test_words_are_sentences_and_safe_on_a_terminal() -> None:
    assert clean("a\x1b[31mb\u202ec\x07\nd") == "a[31mbc\nd"
    assert failure(Refused("STALE_REVISION", "x")).startswith("The terms changed")
    assert "12 s" in failure(Refused("RATE_LIMITED", "Slow down.", details={"retryAfter": 12}))
    assert change_sentence({"move": "reject", "status": "rejected", "reason": "sold"}, "") == "Declined automatically: sold"
    asked = {"wants": {"keywords": ["bike"], "categories": ["books"], "valueMin": 100}}
    assert wants(asked, {"books": "Books"}) == "“bike”, in Books, worth 100 EGP or more"


def test_a_picture_is_drawn_in_half_blocks_and_rubbish_is_not() -> None:
    drawn = half_blocks(play_pictures.bicycle(), 24, 8)
    assert drawn is not None
    assert [len(line) for line in drawn.plain.splitlines()] == [24] * 8
    assert half_blocks(b"no picture", 24, 8) is None


# ── the terminal app ────────────────────────────────────────────────────────────────────────────


def moves_shown(app: SwaploopApp) -> list[str]:
    return [str(button.id).removeprefix("move-") for button in app.screen.query("#moves Button")]


async def test_a_swap_from_registering_to_swapped_by_keys(market: Market) -> None:
    """Amina sits at the app, whose window she makes larger and smaller; Bilal is played by the core."""
    sizes = [(80, 24), (120, 35)]
    title = f"Telescope {uuid4().hex[:6]}"
    async with someone(market, "Bilal") as bilal, app_of(market, "Amina", sizes[0]) as pilot:
        app = app_in(pilot)
        wanted = await lists(bilal, title)
        await adds_item(pilot, "Chess set")

        await pilot.press("1", "slash", *title.split()[1], "enter")
        await until(pilot, lambda: app.screen.query_one("#browse-list", Rows).option_count == 1, "the one found")
        await pilot.press("p")
        await until(pilot, lambda: bool(app.screen.query(SelectionList)), "the proposal")
        await until(pilot, lambda: bool(app.screen.query_one(SelectionList).selected), "my only thing is picked")
        app.screen.query_one("#message", Input).value = "For your telescope?"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "the deal")
        deal = app.desk.newest_first()[0]
        assert deal.gets[0].item_id == wanted["id"]
        assert moves_shown(app) == ["cancel"]

        conversation = deal.conversation_id
        await bilal.does("trade:interest", tradeId=deal.id)
        await bilal.does("typing", conversationId=conversation, typing=True)
        await seen_on(pilot, sizes, lambda: "Bilal is typing" in screen_text(app), "typing")
        await bilal.does("message:send", conversationId=conversation, text="Saturday?")
        await seen_on(pilot, sizes, lambda: "Saturday?" in screen_text(app), "his message")
        await seen_on(pilot, sizes, lambda: "Bilal showed interest" in screen_text(app), "the change inline")
        await bilal.until(lambda: bilal.logs[conversation].read_to_by([app.person.id]) == 4)  # shown is read

        await pilot.press(*"Gladly", "enter")
        await seen_on(pilot, sizes, lambda: "Gladly" in screen_text(app) and "✓" in screen_text(app), "sent")
        await bilal.does("message:read", conversationId=conversation)
        await until(pilot, lambda: all(row.is_read for row in app.screen.query(Row) if row.mine), "two ticks")

        await bilal.does("trade:confirm", tradeId=deal.id)
        await until(pilot, lambda: bool(app.screen.query("#move-complete")), "the move that is open now")
        await seen_on(pilot, sizes, lambda: "f4 Swapped" in screen_text(app), "its key in the footer")
        await pilot.press("f4")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.deals[conversation].status == "completed", "completed")
        await until(pilot, lambda: not app.screen.query("#moves Button"), "no moves left")
        assert list(app.screen.query(Happening))
        assert app.screen.query_one(ChatLog).last_seq == 7

        await pilot.press("escape", "2")
        await seen_on(pilot, sizes, lambda: title in screen_text(app) and "traded" in screen_text(app), "it is mine now")
        await pilot.press("l")
        await seen_on(pilot, sizes, lambda: "on the market" in screen_text(app), "relisted")


async def test_the_owner_answers_and_is_told_when_the_terms_have_changed(market: Market) -> None:
    async with someone(market, "Bilal") as bilal, app_of(market, "Amina", (80, 24)) as pilot:
        app = app_in(pilot)
        await adds_item(pilot, "Globe")
        mine = (await app.person.does("item:mine"))["items"][0]
        offered = await lists(bilal, "Lamp")
        await bilal.does("trade:request", offeredItem=offered["id"], requestedItem=mine["id"], message="Yours for mine?")
        await until(pilot, lambda: "proposed this swap" in screen_text(app), "a toast of it")
        await until(pilot, lambda: "Deals •2" in screen_text(app), "two unread")
        await pilot.press("3")
        await until(pilot, lambda: "your answer is awaited" in screen_text(app), "the deal in the list")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DealScreen), "the deal")
        await pilot.press("f2")
        await until(pilot, lambda: bool(app.screen.query("#move-confirm")), "confirm is open")
        await until(pilot, lambda: "•" not in str(app.screen.query_one("#to-deals", Static).render()), "all read")

        await pilot.press("f3")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await bilal.does("item:update", itemId=offered["id"], description="It has no bulb.")
        await until(pilot, lambda: app.desk.newest_first()[0].revision == 2, "the new terms have come")
        await pilot.press("enter")
        await until(pilot, lambda: "The terms changed" in screen_text(app), "the sentence")
        assert app.desk.newest_first()[0].status == "negotiating"

        await pilot.press("f8")
        await until(pilot, lambda: bool(app.screen.query("#reason")), "the question with a reason")
        await pilot.press(*"no bulb", "enter")
        await until(pilot, lambda: app.desk.newest_first()[0].closed, "declined")
        await until(pilot, lambda: "You declined: no bulb" in screen_text(app), "said inline")


async def test_a_trade_that_is_countered_is_answered_by_who_did_not_counter_and_called_off_by_both(market: Market) -> None:
    """Trades and offers are one machine (C1): the moves of both are there, and the trade stays a trade."""
    async with someone(market, "Bilal") as bilal, app_of(market, "Amina", (110, 30)) as pilot:
        app = app_in(pilot)
        asked = await proposes(app.person, bilal)
        lamp, globe = await lists(bilal, "Lamp"), await lists(app.person, "Globe")
        deal = app.desk.keep(asked)
        app.push_screen(DealScreen(deal.conversation_id))
        await until(pilot, lambda: moves_shown(app) == ["cancel"], "mine to withdraw")

        await bilal.does("offer:counter", offerId=deal.id, counterOfferItemId=lamp["id"])
        await until(pilot, lambda: moves_shown(app) == ["confirm", "counter", "reject", "cancel"], "mine to answer")
        await until(pilot, lambda: "Bilal put other terms on the table" in screen_text(app), "whose terms they are")
        await pilot.press("f5")
        await until(pilot, lambda: bool(app.screen.query("#gives")), "what I would rather give")
        await until(pilot, lambda: app.screen.query_one("#gives", OptionList).option_count == 1, "my other thing")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Globe ⇄ Lamp" in screen_text(app), "the new terms")
        await until(pilot, lambda: moves_shown(app) == ["cancel"], "his to answer")
        assert (await bilal.does("trade:get", tradeId=deal.id))["awaiting"] == [bilal.id]

        await bilal.does("offer:counter", offerId=deal.id, counterOfferItemId=asked["requestedItem"])
        await until(pilot, lambda: "Globe ⇄ Telescope" in screen_text(app), "his terms")
        await pilot.press("f3")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: moves_shown(app) == ["complete", "cancel", "dispute"], "confirmed")

        await bilal.does("trade:cancel", tradeId=deal.id, reason="ill")
        await until(pilot, lambda: "Bilal asks to call it off: ill" in screen_text(app), "who asks, and why")
        await pilot.press("f9")
        await until(pilot, lambda: bool(app.screen.query("#reason")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.deals[deal.conversation_id].closed, "called off")
        assert isinstance(app.desk.deals[deal.conversation_id], Trade)

        again = await bilal.does("trade:request", offeredItem=lamp["id"], requestedItem=globe["id"])
        await until(pilot, lambda: again["conversation"] in app.desk.deals, "his proposal")
        app.switch_screen(DealScreen(again["conversation"]))
        await until(pilot, lambda: moves_shown(app) == ["interest", "accept", "counter", "reject"], "mine to answer")
        await pilot.press("f3")
        await until(pilot, lambda: bool(app.screen.query("#yes")), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.deals[again["conversation"]].status == "confirmed", "confirmed at once")


async def test_the_connection_is_shown_and_what_is_written_without_it_goes_out_when_it_is_back(market: Market) -> None:
    async with Wire.to(market.url) as wire, someone(market, "Bilal") as bilal, app_of(wire, "Amina", (80, 24)) as pilot:
        app = app_in(pilot)
        deal = app.desk.keep(await proposes(app.person, bilal))
        app.push_screen(DealScreen(deal.conversation_id))
        await until(pilot, lambda: "proposed this swap" in screen_text(app), "the deal")
        wire.closed = True
        wire.cut()
        await until(pilot, lambda: "reconnecting" in screen_text(app), "reconnecting")
        await pilot.press(*"Hello", "enter")
        await until(pilot, lambda: "sending …" in screen_text(app), "sending")
        wire.closed = False
        await until(pilot, lambda: "● online" in screen_text(app), "online again")
        await until(pilot, lambda: "sending …" not in screen_text(app), "sent")
        said = [entry.text for entry in app.person.logs[deal.conversation_id].entries if entry.kind == "message"]
        assert said == ["Hello"]


async def test_what_works_for_a_screen_ends_with_it() -> None:
    """What it waited for may come while its widgets are being taken away, and it would look for them in vain."""
    left = asyncio.Event()

    class Leaf(Static):
        def on_unmount(self) -> None:
            left.set()

    class Place(Page[None]):
        def compose(self) -> ComposeResult:
            yield Leaf()

        def on_mount(self) -> None:
            self.run_worker(self._work())

        async def _work(self) -> None:
            await left.wait()
            self.query_one(Leaf)

    app: App[None] = App()
    async with app.run_test() as pilot:
        await app.push_screen(Place())
        await app.pop_screen()
        await pilot.pause(0)
        assert left.is_set()
        left.clear()
        await app.push_screen(Place())
    assert left.is_set()  # and it has not failed as the app was closed over it


async def test_a_session_that_ends_leads_back_to_the_way_in(market: Market) -> None:
    async with app_of(market, "Amina", (80, 24)) as pilot:
        app = app_in(pilot)
        await RestDoor(Servers(market.url), app.person._rest.http).ask(
            RestCall("POST", "/auth/logout", {}, {"refreshToken": app.person._session._refresh_token}, None), None, 5.0
        )
        await until(pilot, lambda: isinstance(app.screen, SignInScreen), "the way in")
        await until(pilot, lambda: "Your session has ended" in screen_text(app), "why")


async def test_a_picture_is_uploaded_from_the_form_and_drawn(market: Market, tmp_path: Path) -> None:
    file = tmp_path / "camera.jpg"
    file.write_bytes(play_pictures.camera())
    async with app_of(market, "Amina", (80, 24)) as pilot:
        app = app_in(pilot)
        await adds_item(pilot, "Film camera", picture=str(file))
        await pilot.press("enter")
        await until(pilot, lambda: screen_text(app).count("▀") > 200, "the picture in half blocks")
        await pilot.press("h")
        await until(pilot, lambda: "You listed it" in screen_text(app), "its history")


@pytest.mark.parametrize(("there", "sentence"), [(True, "password"), (False, "No server answers")])
async def test_a_wrong_password_and_no_server_are_sentences(market: Market, there: bool, sentence: str) -> None:
    app = SwaploopApp(market.url if there else "http://127.0.0.1:9", "nobody@example.org")
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one("#password", Input).value = PASSWORD
        await pilot.press("enter")
        problem = app.screen.query_one("#problem", Static)
        await until(pilot, lambda: problem.has_class("-shown"), "the sentence")
        assert sentence in str(problem.render())


# ── the play ────────────────────────────────────────────────────────────────────────────────────


async def test_the_play_says_when_there_is_no_server() -> None:
    with pytest.raises(SystemExit, match="No server answers at"):
        await play("http://127.0.0.1:9", 0.0)


async def test_a_move_does_not_end_typing(market: Market) -> None:
    """Its entry is loaded before it is pushed, and so may be heard after the typing that followed it."""
    async with someone(market, "Amina") as amina, someone(market, "Bilal") as bilal:
        trade = await proposes(bilal, amina)
        conversation = trade["conversation"]
        await amina.does("typing", conversationId=conversation, typing=True)
        await bilal.until(lambda: bilal.typists(conversation) == [amina.id])
        await amina.does("trade:interest", tradeId=trade["id"])
        await bilal.until(lambda: bilal.logs[conversation].seen_to == 2)
        assert bilal.typists(conversation) == [amina.id]
