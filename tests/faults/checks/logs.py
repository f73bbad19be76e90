"""Messages exactly once, gapless and in the same order on every device, once everybody has caught up; unread as a recount."""

from collections import defaultdict
from typing import Any

import msgspec

from tests.faults.devices import content_of
from tests.faults.evidence import Evidence, Finding, Sql, finding

ENTRIES = """
    SELECT conversation_id::text AS conversation, seq, kind, sender_id::text AS sender, text, client_message_id, change
      FROM entries ORDER BY conversation_id, seq
"""
PARTIES = (
    "SELECT conversations.id::text AS conversation, user_id::text AS person FROM conversations JOIN parties USING (deal_id)"
)
RECOUNT = """
    SELECT conversations.id::text AS conversation, user_id::text AS person, read_seq, last_seq,
           (SELECT count(*) FROM entries WHERE conversation_id = conversations.id AND seq > parties.read_seq
               AND sender_id IS DISTINCT FROM parties.user_id) AS unread
      FROM conversations JOIN parties USING (deal_id)
"""


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    written: dict[str, dict[int, tuple[Any, ...]]] = defaultdict(dict)
    for row in await sql.fetch(ENTRIES):
        change = msgspec.json.decode(row["change"]) if row["change"] else None
        written[row["conversation"]][row["seq"]] = (
            row["kind"],
            row["sender"],
            row["text"] or "",
            row["client_message_id"],
            change,
        )
    conversations: dict[str, list[str]] = defaultdict(list)
    for row in await sql.fetch(PARTIES):
        conversations[row["person"]].append(row["conversation"])
    return [*_on_every_device(evidence, written, conversations), await _unread(evidence, sql)]


def _on_every_device(
    evidence: Evidence, logs: dict[str, dict[int, tuple[Any, ...]]], conversations: dict[str, list[str]]
) -> list[Finding]:
    cases = 0
    order, missing, different = [], [], []
    for device in evidence.devices:
        for conversation in conversations[device.user]:
            seen = device.entries.get(conversation, [])
            truth = logs[conversation]
            cases += len(truth)
            seqs = [entry.seq for entry in seen]
            first = seqs[0] if seqs else 1
            if seqs != list(range(first, first + len(seqs))):
                order.append(f"{device.name} was told of {conversation} in the order {seqs[:30]}")
            if not seqs or seqs[-1] != max(truth):
                missing.append(f"{device.name} has {conversation} to {seqs[-1] if seqs else 0} of {max(truth)}")
            for entry in seen:
                written = truth.get(entry.seq)
                if written is None or entry.content != content_of(*written):
                    different.append(f"{device.name} has {conversation} {entry.seq} otherwise than it is: {written}")
    return [
        finding("each entry is told once, in order and without a gap, on every device", cases, order),
        finding("every device has every conversation to its end once it has caught up", cases, missing),
        finding("every device has the same entries as the database", cases, different),
    ]


async def _unread(evidence: Evidence, sql: Sql) -> Finding:
    recount = {
        (row["person"], row["conversation"]): (row["read_seq"], row["unread"], row["last_seq"])
        for row in await sql.fetch(RECOUNT)
    }
    cases = 0
    broken = []
    for call in evidence.final_lists:
        if not call.is_ok:
            broken.append(f"the conversations of {call.user} could not be listed: {call.code}")
            continue
        for shown in call.answer["items"]:
            *counted, last_seq = recount[call.user, shown["id"]]
            if shown["lastSeq"] != last_seq:
                continue  # something has come since
            cases += 1
            if [shown["lastReadSeq"], shown["unread"]] != counted:
                broken.append(f"{call.user} in {shown['id']}: {shown['lastReadSeq'], shown['unread']}, counted {counted}")
    return finding("unread is what a recount gives", cases, broken)
