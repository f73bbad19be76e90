"""Mail: rows of `mails` become letters, by SMTP, or as files where there is no SMTP server.

A reset token is made here, at the last moment, so that only its digest is ever stored (C22).

Every mail is sent at least once: it is taken for a while and sent outside any transaction, so where the server stops before it
has noted that the letter went out, the letter goes out again. A notification's has the same Message-ID then, and the same file;
of several reset letters, the latest has the token that works.
"""

import asyncio
import contextlib
import os
import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from handlers.tokens import digest, new_secret
from server.letters import RESET_LIFETIME, write_letter
from server.stopping import until_done
from server.upkeep import every
from storage.database import Database
from storage.mails import ATTEMPTS_MAX, put_off_mail, remove_mail, take_due_mail
from storage.people import set_reset_token

log = structlog.get_logger()

SMTP_SENDERS = 4  # a mail server takes its time for each
SMTP_SECONDS_MAX = 10.0  # for the whole letter
QUIT_SECONDS_MAX = 1.0
LOOK_SECONDS = 0.5
FILES_MAX = 1_000
FILES_COUNTED_EVERY = 100


class Mailer:
    """Sends one mail at a time, by SMTP a few; tries again with growing waits, and gives up after ten tries."""

    def __init__(self, database: Database, *, smtp_url: str | None, sender: str, folder: Path, public_url: str) -> None:
        self._database = database
        self._smtp_url = smtp_url
        self._sender = sender
        self._folder = folder
        self._public_url = public_url
        self._filed = 0
        self._under_way = 0
        self._stopping = False

    async def finish(self, seconds: float) -> None:
        """Begin no more letters, and wait for those that are being sent, for at most `seconds`: else they are sent again."""
        self._stopping = True
        await until_done(lambda: self._under_way == 0, seconds)

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        senders = SMTP_SENDERS if self._smtp_url else 1
        await asyncio.gather(*(every(LOOK_SECONDS, "mail", self._send_due) for _ in range(senders)))

    async def _send_due(self) -> None:
        while not self._stopping:
            self._under_way += 1
            try:
                if not await self._send_one():
                    return
            finally:
                self._under_way -= 1

    async def _send_one(self) -> bool:
        """Whether there was a mail to send. Raises Unavailable."""
        token = new_secret()
        async with self._database.transaction() as tx:
            row = await take_due_mail(tx)
            if row is None:
                return False
            if row["user_id"] is None or row["attempts"] > ATTEMPTS_MAX:  # nobody's; or a letter that ends processes
                await remove_mail(tx, row["id"])
                return True
            if row["kind"] == "reset":
                await set_reset_token(tx, row["user_id"], digest(token), RESET_LIFETIME)
        wait: timedelta | None = None
        try:
            letter = write_letter(row, sender=self._sender, public_url=self._public_url, token=token)
            await self._deliver(letter)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError, LookupError) as error:
            # ValueError, LookupError: an address that cannot be written to; it must not hold up everybody's mail
            if row["attempts"] < ATTEMPTS_MAX:
                wait = timedelta(seconds=min(5 * 2 ** (row["attempts"] - 1), 3600))
            reason = str(error) or type(error).__name__
            seconds = wait.total_seconds() if wait else None
            log.warning("mail.put_off" if wait else "mail.given_up", kind=row["kind"], error=reason, wait_seconds=seconds)
        async with self._database.connection() as tx:
            await (put_off_mail(tx, row["id"], wait) if wait else remove_mail(tx, row["id"]))
        return True

    async def _deliver(self, letter: EmailMessage) -> None:
        if self._smtp_url is None:
            await asyncio.to_thread(self._file, letter)
            return
        url = urlsplit(self._smtp_url)
        client = aiosmtplib.SMTP(
            hostname=url.hostname or "localhost",
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            timeout=SMTP_SECONDS_MAX,
        )
        try:
            async with asyncio.timeout(SMTP_SECONDS_MAX):
                await client.connect()
                await client.send_message(letter)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # it is sent, whatever comes after
                await client.quit(timeout=QUIT_SECONDS_MAX)
        finally:
            client.close()

    def _file(self, letter: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "", str(letter["Message-ID"]))
        part = self._folder / f"{name}.part"
        part.write_bytes(bytes(letter))
        os.replace(part, self._folder / f"{name}.eml")
        if self._filed % FILES_COUNTED_EVERY == 0:
            self._forget_old_files()
        self._filed += 1
        log.info("mail.file", to=letter["To"], subject=letter["Subject"], folder=str(self._folder))

    def _forget_old_files(self) -> None:
        for old in sorted(self._folder.glob("*.eml"), key=lambda file: file.stat().st_mtime)[:-FILES_MAX]:
            old.unlink(missing_ok=True)
