"""What mails say, in plain words: a letter for a forgotten password, and one for each kind of notification."""

from datetime import timedelta
from email.header import Header
from email.headerregistry import HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from email.utils import formatdate, make_msgid

import msgspec

from handlers.notice_words import one_line, sentence
from handlers.notices import Notice, NoticeData
from handlers.words import DOOR_OF, Door
from matching.deal import Kind
from storage.database import Row

RESET_LIFETIME = timedelta(minutes=45)
RESET_TEXT = """Hello {name},

somebody, hopefully you, asked to reset the password of your Swaploop account.
Open this page within {minutes} minutes to choose a new one:

    {url}/reset-password#token={token}

or use this code in your app:

    {token}

If it was not you, there is nothing to do: your password stays as it is.
"""

NOTICE_TEXT = """Hello {name},

{sentence}.
{facts}
{hint}

    {url}{path}

If you do not want mail of this kind, switch "{kind}" off in your profile.
"""
# What one can do about it now
HINTS = {
    Notice.OFFER: "Look at it, talk about it, say yes or no.",
    Notice.INTEREST: "Talk about it in its conversation. The swap is agreed once it is confirmed.",
    Notice.COUNTER: "Accept it, offer something else, or say no.",
    Notice.RING: "It takes place if everybody in it says yes in time. Look at what you give and get, and say yes or no.",
    Notice.YES_MISSING: "The others wait for you. Say yes or no.",
    Notice.ACCEPTED: "The things are kept for it. Meet, exchange them, and say so.",
    Notice.EXECUTED: "Say so too when you have done yours.",
    Notice.COMPLETED: "The things belong to their new owners now.",
    Notice.REJECTED: "Nothing is kept for it.",
    Notice.CANCELLED: "Nothing is kept for it.",
    Notice.CANCEL_ASKED: "It is called off once everybody in it agrees.",
    Notice.DISPUTED: "The things stay kept for it until you have settled it together.",
    Notice.TERMS_CHANGED: "Look at it again before you say yes.",
    Notice.EXPIRED: "Nothing is kept for it.",
    Notice.OVERDUE: "Complete it if you have exchanged your things. If not, you can call it off now, and they are free again.",
    Notice.RING_FOUND: "Look at it, and propose it if you like it.",
}
PATHS = {Door.TRADES: "/api/trades/{id}", Door.OFFERS: "/api/barter/offers/{id}", Door.CHAINS: "/api/barter/chains/{id}"}


class Subject(UniqueUnstructuredHeader):
    """Python's own way to write a subject drops spaces between words that are not ASCII where it begins a new line."""

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
        return f"Subject: {Header(text, charset, header_name='Subject').encode(linesep=policy.linesep)}{policy.linesep}"


HEADERS = HeaderRegistry()
HEADERS.map_to_type("subject", Subject)  # type: ignore[arg-type]  # it makes a BaseHeader of it, which its stubs do not know
POLICY = default.clone(header_factory=HEADERS)


def write_letter(row: Row, *, sender: str, public_url: str, token: str) -> EmailMessage:
    """The letter of a mail as `take_due_mail` gives it. `token`: what resets the password, where it is about that.

    Raises ValueError for an address or a text that no letter can have.
    """
    letter = EmailMessage(policy=POLICY)
    letter["From"], letter["To"], letter["Date"] = sender, row["email"], formatdate()
    if row["kind"] == "reset":
        letter["Message-ID"], letter["Subject"] = make_msgid(domain="swaploop"), "Reset your Swaploop password"
        minutes = int(RESET_LIFETIME.total_seconds() // 60)
        text = RESET_TEXT.format(name=row["name"], minutes=minutes, url=public_url, token=token)
    else:
        notice, kind = Notice(row["kind"]), Kind(row["deal_kind"])
        data = msgspec.convert(row["data"], NoticeData)
        told = sentence(notice, kind, data)
        # The same for the same notification: where a letter goes out twice, the second can be told from a new one.
        letter["Message-ID"], letter["Subject"] = f"<{row['notification_id']}@swaploop>", told
        text = NOTICE_TEXT.format(
            name=row["name"],
            sentence=told,
            facts=_facts(data),
            hint=HINTS[notice],
            url=public_url,
            path=_path(notice, kind, row, data),
            kind=notice.value,
        )
    letter.set_content(text, cte="8bit")  # whoever opens the file can copy the link; SMTP repacks it where it must
    return letter


def _facts(data: NoticeData) -> str:
    lines = []
    if data.gives:
        lines.append(f"  You give: {', '.join(map(one_line, data.gives))}")
    if data.gets:
        lines.append(f"  You get: {', '.join(map(one_line, data.gets))}")
    if data.reason:
        lines.append(f"  Reason: {one_line(data.reason)}")
    if data.expires_at:
        lines.append(f"  Until: {data.expires_at:%d %B %Y, %H:%M} UTC")
    return "".join(f"\n{line}" for line in lines) + "\n" if lines else ""


def _path(notice: Notice, kind: Kind, row: Row, data: NoticeData) -> str:
    if notice is Notice.RING_FOUND:
        return f"/api/barter/opportunities/{data.item_id}"
    return PATHS[DOOR_OF[kind]].format(id=row["deal_id"])
