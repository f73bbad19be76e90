"""Each change tells those whom it should, once; each notification is one letter."""

from collections import Counter, defaultdict
from hashlib import sha256
from uuid import UUID

from handlers.notices import TOLD, Notice, Whom
from tests.faults.checks.moves import Made, NotAllowed, played
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.mailbox import Letter

INBOX_FULL = 900  # from about there on old ones go
SENDING_SECONDS = 1.5  # from taking a letter to forgetting it, where nothing is in the way
HEALING_SECONDS = 3.0  # until PostgreSQL, say, is there again


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    rows = await sql.fetch("SELECT told.id, user_id, kind, email FROM notifications AS told JOIN users ON users.id = user_id")
    kept = {row["id"] for row in rows}
    full = {person for person, count in Counter(row["user_id"] for row in rows).items() if count >= INBOX_FULL}
    expected: set[UUID] = set()
    owed: dict[UUID, str] = {}
    for _, made in (await played(sql)).values():
        if not isinstance(made, NotAllowed):
            for step in made:
                for number, person in _told_by(step):
                    expected.add(number)
                    if person not in full:
                        owed[number] = f"{person} was not told of '{step.move}' of {step.deal.kind} {step.deal.id}"
    lost = [story for number, story in owed.items() if number not in kept]

    letters: dict[str, list[Letter]] = defaultdict(list)
    for letter in evidence.letters:
        letters[letter.message_id].append(letter)
    unsent = [f"no letter of {row['kind']} to {row['user_id']}" for row in rows if f"<{row['id']}@swaploop>" not in letters]
    unsent += [
        f"a letter of {row['kind']} to {row['user_id']} went to {letter.to}"
        for row in rows
        for letter in letters.get(f"<{row['id']}@swaploop>", ())
        if row["email"] not in letter.to
    ]
    known = {f"<{number}@swaploop>" for number in kept | expected}
    stray = [f"a letter of nothing, to {sent[0].to}" for name, sent in letters.items() if name not in known and not full]
    twice = {name: sent for name, sent in letters.items() if len(sent) > 1}
    unexcused = [f"{len(sent)} letters {name}" for name, sent in twice.items() if not _sender_may_have_died(evidence, sent)]
    calm = sum(not _sender_may_have_died(evidence, sent) for sent in letters.values())
    return [
        finding("each change tells each person whom it should", len(owed), lost),
        finding("each notification goes out as one letter, to its person", len(rows), unsent),
        finding("no letter tells of what did not happen", len(letters), stray),
        finding(
            "a letter goes out once, unless something failed while it was being sent",
            len(letters),
            unexcused,
            f"{calm} while nothing failed; {len(twice)} went out again, with the same Message-ID",
        ),
    ]


def _told_by(step: Made) -> list[tuple[UUID, UUID]]:
    """The notifications that a move must have brought about, by id and person: those whose receivers are plain from it."""
    deal = step.deal
    told = TOLD.get((deal.kind, step.move, deal.status))
    if told is None or told.whom is not Whom.OTHERS or told.notice is Notice.YES_MISSING:
        return []
    return [(_told_as(f"{deal.id} {told.notice} {step.seq} {person}"), person) for person in deal.parties if person != step.by]


def _told_as(cause: str) -> UUID:
    """The id of the notification that the cause brings about."""
    return UUID(sha256(cause.encode()).hexdigest()[:32])


def _sender_may_have_died(evidence: Evidence, sent: list[Letter]) -> bool:
    first = min(letter.at for letter in sent)
    if first > evidence.quiet_from - SENDING_SECONDS:
        return True  # while all heals, what is being sent is made due again, so that nobody has to wait for it
    return any(
        was.began_at <= first + SENDING_SECONDS and was.ended_at >= first - HEALING_SECONDS
        for was in evidence.weather.failed
        if not was.fault.spares_mail
    )
