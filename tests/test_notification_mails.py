"""The mails of notifications: one per event and person, in plain words, and none of a kind that is switched off (S1.74)."""

import random
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from uuid import UUID

import pytest

from handlers.notice_words import sentence
from handlers.notices import Notice, NoticeData
from matching.deal import Kind
from server.letters import HINTS, POLICY
from tests.conftest import Market, OpenMarket
from tests.people import Person
from tests.rings import cycle_of
from tests.test_mail import letter_box, until_no_mail_is_left, until_one_is_there
from tests.trading import BOTH_DOORS, refused, trade_between
from tests.waiting import until


def letters_to(market: Market, person: Person) -> list[EmailMessage]:
    """In no order."""
    written = [file.read_bytes() for file in market.data_dir.glob("mail/*.eml")]
    return [message_from_bytes(letter, policy=default) for letter in written if person.email.encode() in letter]


def subjects_to(market: Market, person: Person) -> list[str]:
    return sorted(str(letter["Subject"]) for letter in letters_to(market, person))


async def test_who_should_know_gets_one_letter_of_each_event_and_the_actor_none(market: Market) -> None:
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol")
    await trade_between(alice, bob, "interest", "confirm")
    await cycle_of(carol, alice, bob)
    await until(lambda: len(letters_to(market, alice)) >= 3 and len(letters_to(market, bob)) >= 2, what="the letters")
    await until_no_mail_is_left(market)
    assert subjects_to(market, alice) == [
        "Bob is interested in the swap of “A camera” for “A bicycle”",
        "Bob said yes to the swap of “A camera” for “A bicycle”",
        "Carol proposes the ring of 3 that swaps “A bicycle” for “A lamp”",
    ]
    assert subjects_to(market, bob) == [
        "Alice offers you “A camera” for “A bicycle”",
        "Carol proposes the ring of 3 that swaps “A lamp” for “A camera”",
    ]
    assert subjects_to(market, carol) == []


async def test_a_letter_says_what_happened_to_what_and_where_to_look(open_market: OpenMarket) -> None:
    async with open_market(PUBLIC_URL="https://swaps.example.org") as market:
        alice, bob = await market.cast.people("Alice", "Bob")
        trade = await trade_between(alice, bob)
        await bob.by_rest("trade:reject", tradeId=trade["id"], reason="Too heavy\nfor me")
        await until(lambda: bool(letters_to(market, alice)), what="the letter")
        (letter,) = letters_to(market, alice)
    assert letter.get_content() == (
        "Hello Alice,\n\n"
        "Bob said no to the swap of “A camera” for “A bicycle”.\n\n"
        "  You give: A camera\n"
        "  You get: A bicycle\n"
        "  Reason: Too heavy for me\n\n"
        "Nothing is kept for it.\n\n"
        f"    https://swaps.example.org/api/trades/{trade['id']}\n\n"
        'If you do not want mail of this kind, switch "rejected" off in your profile.\n'
    )


@BOTH_DOORS
async def test_each_kind_of_mail_can_be_switched_off(market: Market, door: str) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    assert (await bob.through(door, "user:me"))["mailOff"] == []
    changed = await bob.through(door, "user:update", mailOff=["offer", "rejected", "offer"])
    assert changed["mailOff"] == (await bob.through(door, "user:me"))["mailOff"] == ["offer", "rejected"]
    trade = await trade_between(alice, bob)
    await alice.through(door, "trade:cancel", tradeId=trade["id"])
    await until(lambda: len(letters_to(market, bob)) == 1, what="the letter")
    assert subjects_to(market, bob) == ["Alice called off the swap of “A bicycle” for “A camera”"]
    listed = (await bob.through(door, "notification:list"))["items"]
    assert [one["kind"] for one in listed] == ["cancelled", "offer"], "the inbox has all of them"

    await bob.through(door, "user:update", mailOff=[])
    await trade_between(alice, bob)
    await until(lambda: len(letters_to(market, bob)) == 2, what="the letter")
    await refused(bob.through(door, "user:update", mailOff=["everything"]), "INVALID_REQUEST", "mailOff[0]")


async def test_a_letter_that_goes_out_again_can_be_told_from_a_new_one(open_market: OpenMarket) -> None:
    """As after a crash between sending it and noting that it went out"""
    again = "INSERT INTO mails (user_id, kind, notification_id) SELECT user_id, kind, id FROM notifications"
    async with open_market() as market, market.sql() as sql:
        alice, bob = await market.cast.people("Alice", "Bob")
        await trade_between(alice, bob)
        await until(lambda: len(letters_to(market, bob)) == 1, what="the letter")
        (first,) = letters_to(market, bob)
        await sql.execute(again)
        await until_no_mail_is_left(market)
        (second,) = letters_to(market, bob)
        assert first["Message-ID"] == second["Message-ID"]

    async with letter_box() as box, open_market(SMTP_URL=f"smtp://127.0.0.1:{box.port}") as market, market.sql() as sql:
        alice, bob = await market.cast.people("Alice", "Bob")
        await trade_between(alice, bob)
        await until_one_is_there(box)
        await sql.execute(again)
        await until_no_mail_is_left(market)
        assert len(box.letters) == 2
        assert len({letter["Message-ID"] for letter in box.letters}) == 1


async def test_of_a_notification_that_is_no_more_there_is_no_letter(market: Market) -> None:
    bob = await market.cast.person("Bob")
    async with market.sql() as sql:
        await sql.execute(
            "INSERT INTO mails (user_id, kind, notification_id) VALUES ($1, 'offer', gen_random_uuid())", UUID(bob.id)
        )
    await until_no_mail_is_left(market)
    assert letters_to(market, bob) == []


def test_a_subject_is_read_as_it_was_meant_whatever_is_in_it() -> None:
    chance = random.Random(7)
    for _ in range(200):
        words = ("".join(chance.choices("ab,=?_“”éعربي😀", k=chance.randint(1, 12))) for _ in range(chance.randint(1, 30)))
        subject = " ".join(words)
        letter = EmailMessage(policy=POLICY)
        letter["Subject"] = subject
        for policy in (POLICY, SMTP):  # SMTP: as it is sent
            written = letter.as_bytes(policy=policy)
            assert message_from_bytes(written, policy=default)["Subject"] == subject
            assert max(map(len, written.splitlines())) <= 78


async def test_what_people_wrote_does_not_change_a_letters_head(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    await alice.by_rest("user:update", name="Alice\r\nBcc: everyone@example.org")
    camera = await alice.lists("A camera\nSubject: \u2028 {by} of أحمد")
    await trade_between(alice, bob, offeredItem=camera, requestedItem=await bob.lists("A bicycle"))
    await until(lambda: bool(letters_to(market, bob)), what="the letter")
    (letter,) = letters_to(market, bob)
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Alice Bcc: everyone@example.org offers you “A camera Subject: {by} of أحمد” for “A bicycle”"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("notice", Notice)
def test_every_kind_has_a_subject_and_something_to_do(notice: Notice, kind: Kind) -> None:
    assert sentence(notice, kind, NoticeData(gives=["One"], gets=["Two"], participants=3))
    assert HINTS[notice].endswith(".")
