"""What a device has missed: entries of the caller's conversations that became visible since its cursor.

A cursor is a transaction id. An entry keeps the id of the transaction that wrote it, and a `sync` answers the snapshot's
`xmin`, before which nothing is still under way: what commits late has an id at or after it, and is read next time. Within a
conversation entries commit in order of `seq`, so the last one from before the cursor had been seen, and all before it.
"""

from uuid import UUID

import msgspec

from matching.refusals import InvalidRequest
from storage.conversations import CONVERSATION_OF_MINE, Marks
from storage.database import Row, Tx

CONVERSATIONS_MAX = 50  # of one answer
ENTRIES_FIRST = 50  # of each conversation, when a device starts from nothing
ENTRIES_MAX = 50  # of each conversation in one answer; the rest follows in the next
BYTES_MAX = 1_000_000  # of one answer's texts, and one text more: a message may have 16 KB


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """`since`: entries of this transaction and later are missed. `upto`: what to go on from when all of it has been read;
    while there is more, `conversation` and `seq` are the last ones read.
    """

    since: int
    upto: int
    conversation: UUID
    seq: int

    def text(self) -> str:
        place = f".{self.conversation.hex}.{self.seq}" if self.conversation.int else ""
        return f"{self.since}.{self.upto}{place}"

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Raises InvalidRequest for what `sync` has not given out."""
        if text is None:
            return cls(0, 0, UUID(int=0), 0)
        try:
            parts = text.split(".")
            since, upto = int(parts[0]), int(parts[1])
            place = (UUID(hex=parts[2]), int(parts[3])) if len(parts) == 4 else (UUID(int=0), 0)
            if len(parts) not in (2, 4) or not (0 <= since < 2**63 and 0 <= upto < 2**63 and 0 <= place[1] < 2**31):
                raise ValueError(text)
        except (ValueError, IndexError):
            raise InvalidRequest("'since' is not a cursor that sync has answered.", field="since") from None
        return cls(since, upto, *place)


async def missed(tx: Tx, user_id: UUID, cursor: Cursor, marks: Marks) -> tuple[list[Row], int]:
    """The next conversations with missed entries, in order of id, and the snapshot's xmin.

    Each row: `id, last_seq, mark_seq, unread, marks {user: seq}, entries [to_jsonb(entries)]`. The first row's entries are
    never None; a later row's are where the answer was full before it.
    """
    # The last entry of a conversation is of its last transaction: one that is active since the cursor has missed entries,
    # unless it is the one that was cut, and has been read to its end.
    rows = await tx.fetch(
        f"""
        WITH active AS (
            SELECT conversation.id, conversation.deal_id, conversation.last_seq, me.read_seq
              FROM parties AS me {CONVERSATION_OF_MINE}
             WHERE me.user_id = $1 AND conversation.active_xid >= $4::bigint::text::xid8 AND conversation.id >= $5
               AND conversation.last_seq > CASE WHEN conversation.id = $5 THEN $6 ELSE 0 END
             ORDER BY conversation.id LIMIT $8
        ), conversation AS (
            SELECT active.*,
                   CASE WHEN id = $5 THEN $6
                        WHEN $4::bigint = 0 THEN GREATEST(last_seq - $7, 0)
                        ELSE COALESCE((SELECT seq FROM entries
                                        WHERE conversation_id = active.id AND xid < $4::bigint::text::xid8
                                        ORDER BY seq DESC LIMIT 1), 0) END AS seen_seq
              FROM active
        ), entry AS (
            SELECT missed.*, sum(missed.bytes) OVER (ORDER BY missed.conversation_id, missed.seq) - missed.bytes AS bytes_before
              FROM conversation CROSS JOIN LATERAL (
                   SELECT *, COALESCE(octet_length(text), pg_column_size(change)) AS bytes FROM entries
                    WHERE conversation_id = conversation.id AND seq > seen_seq ORDER BY seq LIMIT $9) AS missed
        ), log AS (
            SELECT conversation_id, jsonb_agg(to_jsonb(entry) ORDER BY seq) AS entries
              FROM entry WHERE bytes_before < $10 GROUP BY conversation_id
        )
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin, conversation.*,
               GREATEST(conversation.read_seq, mark.seq) AS mark_seq, party.marks,
               (SELECT count(*) FROM entries
                 WHERE conversation_id = conversation.id AND seq > GREATEST(conversation.read_seq, mark.seq)
                   AND sender_id IS DISTINCT FROM $1) AS unread,
               log.entries
          FROM (SELECT) AS one LEFT JOIN (
               conversation
               LEFT JOIN log ON log.conversation_id = conversation.id
               LEFT JOIN unnest($2::uuid[], $3::int[]) AS mark(conversation_id, seq) ON mark.conversation_id = conversation.id
               CROSS JOIN LATERAL (SELECT jsonb_object_agg(user_id, read_seq) AS marks FROM parties
                                    WHERE deal_id = conversation.deal_id) AS party) ON true
         ORDER BY conversation.id
        """,
        user_id,
        list(marks.keys()),
        list(marks.values()),
        cursor.since,
        cursor.conversation,
        cursor.seq,
        ENTRIES_FIRST,
        CONVERSATIONS_MAX + 1,
        ENTRIES_MAX,
        BYTES_MAX,
    )
    return [row for row in rows if row["id"] is not None], rows[0]["xmin"]
