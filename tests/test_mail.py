"""Forgotten passwords, by mail: as files or by SMTP, and nothing is told to strangers (S1.12 to S1.18, C22, C23)."""

import asyncio
import contextlib
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import bcrypt
import pytest
from structlog.testing import capture_logs

from server import mail
from server.mail import Mailer
from storage.database import Database
from storage.mails import take_due_mail
from tests.conftest import Market, OpenMarket
from tests.letters import letters_with
from tests.people import PASSWORD, Cast, Person, Refused

NEW_PASSWORD = "another horse, another battery"
MAIL_SECONDS_MAX = 20.0


def letters(folder: Path, address: str) -> list[EmailMessage]:
    """What was written to this address, oldest first."""
    return [letter for letter in letters_with(address, folder) if address in str(letter["To"])]


def token_in(letter: Message) -> str:
    assert isinstance(letter, EmailMessage)
    found = re.search(r"#token=(\S+)", letter.get_content())
    assert found is not None
    return found[1]


async def letter_to(market: Market, address: str, number: int = 1) -> Message:
    """The `number`th letter, once it is there."""
    async with asyncio.timeout(MAIL_SECONDS_MAX):
        while len(found := letters(market.data_dir, address)) < number:
            await asyncio.sleep(0.05)
    return found[number - 1]


async def forget(cast: Cast, address: str) -> Any:
    return await cast.call("POST", "/auth/forgot-password", {"email": address})


async def reset(cast: Cast, token: str, password: str = NEW_PASSWORD) -> Any:
    return await cast.call("POST", "/auth/reset-password", {"token": token, "newPassword": password})


async def signs_in(cast: Cast, person: Person, password: str) -> bool:
    status, _, _ = await cast.answer("POST", "/auth/login", {"email": person.email, "password": password})
    return status == 200


async def test_a_forgotten_password_is_reset_by_the_token_from_the_mail(
    market: Market, cast: Cast
) -> None:  # S1.12, S1.13, S1.16
    alice = await cast.person("Alice")
    assert await forget(cast, f" {alice.email.upper()} ") == {}
    letter = await letter_to(market, alice.email)
    assert letter["To"] == alice.email
    assert "password" in letter["Subject"]
    assert "Hello Alice," in letter.as_string()

    assert await reset(cast, token_in(letter)) == {}
    assert await signs_in(cast, alice, NEW_PASSWORD)
    assert not await signs_in(cast, alice, PASSWORD)


async def test_a_reset_token_works_once(market: Market, cast: Cast) -> None:  # C22
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))
    body = {"token": token, "newPassword": NEW_PASSWORD}
    answers = await asyncio.gather(*(cast.answer("POST", "/auth/reset-password", body) for _ in range(5)))
    assert sorted(status for status, _, _ in answers) == [200] + [400] * 4
    with pytest.raises(Refused) as no:
        await reset(cast, token, "a third password")
    assert (no.value.status, no.value.code, no.value.field) == (400, "RESET_INVALID", "token")
    assert await signs_in(cast, alice, NEW_PASSWORD)


async def test_a_reset_token_works_for_less_than_an_hour_by_the_databases_clock(market: Market, cast: Cast) -> None:  # C22
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))
    async with market.sql() as sql:
        left = await sql.fetchval("SELECT reset_expires_at - now() FROM users WHERE id = $1", UUID(alice.id))
        assert 29 * 60 < left.total_seconds() <= 60 * 60
        await sql.execute("UPDATE users SET reset_expires_at = now() WHERE id = $1", UUID(alice.id))
    with pytest.raises(Refused) as no:
        await reset(cast, token)
    assert no.value.code == "RESET_INVALID"
    assert await signs_in(cast, alice, PASSWORD)


async def test_asking_again_replaces_the_token(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    first = token_in(await letter_to(market, alice.email))
    await forget(cast, alice.email)
    second = token_in(await letter_to(market, alice.email, 2))
    with pytest.raises(Refused):
        await reset(cast, first)
    await reset(cast, second)


async def test_only_a_digest_of_the_token_is_kept(market: Market, cast: Cast) -> None:  # S1.18, C22
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))
    async with market.sql() as sql:
        row = await sql.fetchrow("SELECT * FROM users WHERE id = $1", UUID(alice.id))
        mails = await sql.fetchval("SELECT count(*) FROM mails WHERE user_id = $1", UUID(alice.id))
    assert row is not None
    assert row["reset_token_sha256"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(row)
    assert mails == 0, "what was sent is not kept"


async def test_a_reset_ends_every_session_and_its_sockets(market: Market, cast: Cast) -> None:  # C22
    alice = await cast.person("Alice", connected=True)
    elsewhere = await cast.person("Alice")
    elsewhere.email = alice.email
    await elsewhere.sign_in()
    await forget(cast, alice.email)
    await reset(cast, token_in(await letter_to(market, alice.email)))

    for device in (alice, elsewhere):
        status, body, _ = await cast.answer("GET", "/auth/me", token=device.token)
        assert (status, body["error"]["code"]) == (401, "UNAUTHENTICATED")
        status, _, _ = await cast.answer("POST", "/auth/refresh", {"refreshToken": device.refresh_token})
        assert status == 401
    assert await alice.hears("session:ended", seconds=5) == {"reason": "password reset"}


async def test_nobody_learns_whether_an_address_has_an_account(market: Market, cast: Cast) -> None:  # C23, D13
    alice = await cast.person("Alice")
    stranger = f"stranger.{uuid4().hex}@example.org"
    known = await cast.answer("POST", "/auth/forgot-password", {"email": alice.email})
    unknown = await cast.answer("POST", "/auth/forgot-password", {"email": stranger})
    assert known[:2] == unknown[:2]
    assert known[0] == 200
    assert {n: v for n, v in known[2].items() if n != "Date"}.keys() == {
        n: v for n, v in unknown[2].items() if n != "Date"
    }.keys()
    await letter_to(market, alice.email)
    assert letters(market.data_dir, stranger) == []


async def test_asking_leaves_the_same_row_for_any_address(open_market: OpenMarket) -> None:  # C23
    """So both pay the same commit. Who has the address is looked up later, by the task that sends mail."""
    async with open_market() as market, market.sql() as sql:
        await sql.execute(
            """
            CREATE TABLE asked AS SELECT * FROM mails;
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO asked SELECT NEW.*; RETURN NULL; END';
            CREATE TRIGGER note AFTER INSERT ON mails FOR EACH ROW EXECUTE FUNCTION note();
            """
        )
        alice = await market.cast.person("Alice")
        for address in (alice.email, "stranger@example.org"):
            await forget(market.cast, address)
        rows = await sql.fetch(
            "SELECT user_id, email, kind, notification_id, attempts, due_at = created_at FROM asked ORDER BY id"
        )
        asked = [tuple(row) for row in rows]
        assert asked == [(None, address, "reset", None, 0, True) for address in (alice.email, "stranger@example.org")]
        await letter_to(market, alice.email)
        await until_no_mail_is_left(market)
        assert letters(market.data_dir, "stranger@example.org") == []


@pytest.mark.parametrize("token", ["", "x" * 201, None, 5])
async def test_a_token_of_the_wrong_shape_is_a_bad_request(cast: Cast, token: object) -> None:
    body = {"token": token, "newPassword": NEW_PASSWORD}
    status, answer, _ = await cast.answer("POST", "/auth/reset-password", body)
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "INVALID_REQUEST", "token")


async def test_a_password_that_cannot_be_does_not_use_the_token_up(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))
    with pytest.raises(Refused) as no:
        await reset(cast, token, "short")
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", "newPassword")
    await reset(cast, token)


async def test_signing_in_with_the_right_password_leaves_a_reset_asked_by_somebody_without_effect(
    market: Market, cast: Cast
) -> None:
    alice = await cast.person("Alice")
    await forget(cast, alice.email)
    await letter_to(market, alice.email)
    assert await signs_in(cast, alice, PASSWORD), "asking alone changes nothing"


async def test_replacing_a_brought_hash_at_sign_in_leaves_an_asked_reset_good(market: Market, cast: Cast) -> None:  # C24
    alice = await cast.person("Alice")
    async with market.sql() as sql:
        brought = bcrypt.hashpw(b"brought along", bcrypt.gensalt(4)).decode()
        await sql.execute("UPDATE users SET password_hash = $2 WHERE id = $1", UUID(alice.id), brought)
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))
    assert await signs_in(cast, alice, "brought along")
    await reset(cast, token)
    assert await signs_in(cast, alice, NEW_PASSWORD)


@pytest.mark.parametrize("kept_as", ["argon2", "bcrypt"])
async def test_a_sign_in_under_way_does_not_outlive_a_reset(
    market: Market, cast: Cast, monkeypatch: pytest.MonkeyPatch, kept_as: str
) -> None:  # C22
    alice = await cast.person("Alice")
    if kept_as == "bcrypt":
        async with market.sql() as sql:
            brought = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
            await sql.execute("UPDATE users SET password_hash = $2 WHERE id = $1", UUID(alice.id), brought)
    await forget(cast, alice.email)
    token = token_in(await letter_to(market, alice.email))

    passwords = market.service.app.passwords
    verify, verified, go_on = passwords.verify, asyncio.Event(), asyncio.Event()

    async def verify_slowly(password: str, stored: str | None) -> tuple[bool, str | None]:
        answer = await verify(password, stored)
        verified.set()
        await go_on.wait()
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "verify", verify_slowly)
        under_way = asyncio.create_task(signs_in(cast, alice, PASSWORD))
        await asyncio.wait_for(verified.wait(), MAIL_SECONDS_MAX)
        await reset(cast, token)
        go_on.set()
        assert not await under_way
    async with market.sql() as sql:
        sessions = "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL"
        assert await sql.fetchval(sessions, UUID(alice.id)) == 0
    assert not await signs_in(cast, alice, PASSWORD)
    assert await signs_in(cast, alice, NEW_PASSWORD)


# By SMTP


@dataclass
class LetterBox:
    """A little SMTP server's, with what it was told."""

    port: int
    letters: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuse_first: int = 0
    pause_seconds: float = 0.0  # before each answer
    reading: asyncio.Event = field(default_factory=asyncio.Event)  # a letter has come, and is answered once `go_on` is set
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            await asyncio.sleep(self.pause_seconds)
            if verb == "EHLO":
                writer.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif verb == "AUTH":
                self.logins.append(line)
                writer.write(b"235 welcome\r\n")
            elif verb == "RCPT" and self.refuse_first > 0:
                self.refuse_first -= 1
                writer.write(b"451 come again later\r\n")
            elif verb == "RCPT":
                self.recipients.append(line)
                writer.write(b"250 yes\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.letters.append(message_from_bytes(data, policy=default))
                self.reading.set()
                await self.go_on.wait()
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 yes\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def letter_box(
    port: int = 0, refuse_first: int = 0, pause_seconds: float = 0.0, *, holds: bool = False
) -> AsyncIterator[LetterBox]:
    box = LetterBox(port, refuse_first=refuse_first, pause_seconds=pause_seconds)
    if not holds:
        box.go_on.set()
    server = await asyncio.start_server(box.talk, "127.0.0.1", port)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        box.go_on.set()
        server.close()
        await server.wait_closed()


async def until_one_is_there(box: LetterBox) -> Message:
    async with asyncio.timeout(2 * MAIL_SECONDS_MAX):
        while not box.letters:
            await asyncio.sleep(0.05)
    return box.letters[0]


async def test_a_letter_goes_out_by_smtp_signed_in(open_market: OpenMarket) -> None:  # S1.16
    async with letter_box() as box:
        settings = {"SMTP_URL": f"smtp://us%40er:p%3Ass@127.0.0.1:{box.port}", "MAIL_FROM": "Market <market@example.org>"}
        async with open_market(PUBLIC_URL="https://swaps.example.org/", **settings) as market:
            alice = await market.cast.person("Alice")
            await forget(market.cast, alice.email)
            letter = await until_one_is_there(box)
            assert (letter["From"], letter["To"]) == ("Market <market@example.org>", alice.email)
            assert box.recipients == [f"RCPT TO:<{alice.email}>"]
            assert box.logins == ["AUTH PLAIN AHVzQGVyAHA6c3M="]  # \0us@er\0p:ss
            assert "https://swaps.example.org/reset-password#token=" in letter.as_string()
            await reset(market.cast, token_in(letter))
            assert await signs_in(market.cast, alice, NEW_PASSWORD)
            assert letters(market.data_dir, alice.email) == []


@pytest.mark.parametrize("trouble", ["nobody listens", "refused for now"])
async def test_mail_that_cannot_go_out_is_tried_again(open_market: OpenMarket, trouble: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with open_market(SMTP_URL=f"smtp://127.0.0.1:{port}") as market:
        alice = await market.cast.person("Alice")
        if trouble == "nobody listens":
            await forget(market.cast, alice.email)
            await until_put_off(market)
            async with letter_box(port) as box:
                await hurry(market)
                letter = await until_one_is_there(box)
        else:
            async with letter_box(port, refuse_first=1) as box:
                await forget(market.cast, alice.email)
                await until_put_off(market)
                await hurry(market)
                letter = await until_one_is_there(box)
        await reset(market.cast, token_in(letter))
        await until_no_mail_is_left(market)


async def test_nothing_waits_for_the_mail_server_in_a_transaction(open_market: OpenMarket) -> None:
    async with letter_box(holds=True) as box, open_market(SMTP_URL=f"smtp://127.0.0.1:{box.port}") as market:
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        await asyncio.wait_for(box.reading.wait(), MAIL_SECONDS_MAX)
        token = token_in(box.letters[0])
        async with market.sql() as sql:
            mail_row = await sql.fetchrow("SELECT attempts, due_at > now() + interval '30 s' AS taken FROM mails")
            kept = await sql.fetchval("SELECT reset_token_sha256 FROM users WHERE id = $1", UUID(alice.id))
        assert mail_row is not None
        assert tuple(mail_row) == (1, True), "the attempt counts, and nobody else takes it"
        assert kept == hashlib.sha256(token.encode()).digest()
        await reset(market.cast, token)  # a letter that is read before the mail server has answered
        box.go_on.set()
        await until_no_mail_is_left(market)
        assert len(box.letters) == 1


async def test_a_letter_under_way_when_the_server_stops_goes_out_again(open_market: OpenMarket) -> None:
    async with letter_box(holds=True) as box:
        smtp_url = f"smtp://127.0.0.1:{box.port}"
        async with open_market(SMTP_URL=smtp_url) as market:
            alice = await market.cast.person("Alice")
            await forget(market.cast, alice.email)
            await asyncio.wait_for(box.reading.wait(), MAIL_SECONDS_MAX)
        box.go_on.set()
        async with open_market(SMTP_URL=smtp_url, DATABASE_URL=market.database_url) as market:
            await hurry(market)
            await until_no_mail_is_left(market)
            first, again = (token_in(letter) for letter in box.letters)
            with pytest.raises(Refused):
                await reset(market.cast, first)
            await reset(market.cast, again)


async def test_a_mail_server_has_its_time_for_a_whole_letter(open_market: OpenMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SMTP_SECONDS_MAX", 0.5)
    async with letter_box(pause_seconds=0.2) as box, open_market(SMTP_URL=f"smtp://127.0.0.1:{box.port}") as market:
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        await until_put_off(market)
        assert box.letters == []


async def test_the_waits_grow(open_market: OpenMarket) -> None:
    async with open_market(SMTP_URL="smtp://127.0.0.1:9") as market:
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        waits = []
        for _ in range(3):
            await until_put_off(market)
            async with market.sql() as sql:
                waits.append(await sql.fetchval("SELECT extract(epoch FROM due_at - now())::float FROM mails"))
                await sql.execute("UPDATE mails SET due_at = now() - interval '1 s'")
    assert [round(wait / 5) for wait in waits] == [1, 2, 4]


async def test_an_outage_of_the_database_is_one_warning(market: Market, tmp_path: Path) -> None:
    """The mailer's way to the database is a link, which is taken away."""
    url = urlsplit(market.database_url)
    link = tmp_path / ".s.PGSQL.5432"
    link.symlink_to(Path(parse_qs(url.query)["host"][0]) / link.name)
    database = await Database.connect(f"postgresql://postgres@{url.path}?host={tmp_path}&port=5432", 1)
    mailer = Mailer(database, smtp_url=None, sender="a@example.org", folder=tmp_path, public_url="")
    link.unlink()
    async with database.connection() as tx:
        own = await tx.fetchval("SELECT pg_backend_pid()")
    with capture_logs() as logs:
        running = asyncio.create_task(mailer.run())
        async with market.sql() as sql:
            await sql.execute("SELECT pg_terminate_backend($1)", own)
        await asyncio.sleep(4 * mail.LOOK_SECONDS)
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()
    assert [(line["event"], line["log_level"], line["work"]) for line in logs] == [("upkeep.put_off", "warning", "mail")]


async def until_no_mail_is_left(market: Market) -> None:
    async with asyncio.timeout(2 * MAIL_SECONDS_MAX), market.sql() as sql:
        while await sql.fetchval("SELECT count(*) FROM mails"):
            await asyncio.sleep(0.05)


async def until_put_off(market: Market) -> None:
    async with asyncio.timeout(MAIL_SECONDS_MAX), market.sql() as sql:
        # Not while it is being tried: then it is due in a minute
        while not await sql.fetchval(
            "SELECT bool_or(attempts > 0 AND due_at BETWEEN now() AND now() + interval '30 s') FROM mails"
        ):
            await asyncio.sleep(0.05)


async def hurry(market: Market) -> None:
    """As if the wait were over."""
    async with market.sql() as sql:
        await sql.execute("UPDATE mails SET due_at = now()")


async def test_mail_that_never_goes_out_is_given_up_after_ten_tries(open_market: OpenMarket) -> None:
    async with open_market(SMTP_URL="smtp://127.0.0.1:9") as market:
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        await until_put_off(market)
        async with market.sql() as sql, asyncio.timeout(MAIL_SECONDS_MAX):
            await sql.execute("UPDATE mails SET attempts = 9, due_at = now()")
            while await sql.fetchval("SELECT count(*) FROM mails"):
                await asyncio.sleep(0.05)


async def test_an_address_that_cannot_be_written_to_holds_nobody_up(open_market: OpenMarket) -> None:
    async with letter_box() as box, open_market(SMTP_URL=f"smtp://127.0.0.1:{box.port}") as market:
        for odd in ("=?utf-8?q?a?=@example.org", "-@-.-"):
            await market.cast.call("POST", "/auth/register", {"name": "Odd\u2028Name", "email": odd, "password": PASSWORD})
            await forget(market.cast, odd)
        async with market.sql() as sql:  # as one that an older release, with laxer rules, let in
            await sql.execute(
                "INSERT INTO users (name, email, password_hash) SELECT 'Old', unnest($1::text[]), ''",
                ["!@x.>", "نادية@example.org", "nadia@exämple.org"],
            )
            await sql.execute("INSERT INTO mails (user_id, kind) SELECT id, 'reset' FROM users WHERE name = 'Old'")
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        async with asyncio.timeout(MAIL_SECONDS_MAX):
            while f"RCPT TO:<{alice.email}>" not in box.recipients:
                await asyncio.sleep(0.05)


async def test_a_forgotten_password_does_not_wait_behind_what_people_are_told_of_their_deals(open_market: OpenMarket) -> None:
    async with open_market() as market, market.service.app.database.transaction() as tx:
        await tx.execute("INSERT INTO users (name, email, password_hash) VALUES ('Bob', 'bob@example.org', '')")
        await tx.execute(
            """
            INSERT INTO mails (user_id, kind, due_at)
            SELECT id, kind, due_at FROM users, (VALUES ('offer', now() - interval '1 hour'), ('reset', now()),
                   ('reset', now() + interval '1 hour'), ('counter', now() - interval '1 minute')) AS mail (kind, due_at)
            """
        )
        order = [row["kind"] if (row := await take_due_mail(tx)) else None for _ in range(4)]
        await tx.execute("DELETE FROM mails")
    assert order == ["reset", "offer", "counter", None]


async def test_a_letter_that_is_being_sent_when_the_server_is_asked_to_stop_is_sent_once(open_market: OpenMarket) -> None:
    async with letter_box(holds=True) as box, AsyncExitStack() as stack:
        market = await stack.enter_async_context(open_market(SMTP_URL=f"smtp://127.0.0.1:{box.port}"))
        alice = await market.cast.person("Alice")
        await forget(market.cast, alice.email)
        await asyncio.wait_for(box.reading.wait(), MAIL_SECONDS_MAX)
        stopping = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0.2)
        assert not stopping.done(), "it waits for the mail server's word"
        box.go_on.set()
        await stopping
        async with market.sql() as sql:
            assert await sql.fetchval("SELECT count(*) FROM mails") == 0, "nothing is left to be sent again"
    assert len(box.letters) == 1
