"""Read marks without what keeps them from going back: the real ones without `GT`, and without `read_seq <`."""

from uuid import UUID

from storage.cache import Pipeline
from storage.database import Tx
from storage.marks import KEPT_SECONDS, UNWRITTEN, Marks, _by_conversation, _by_person


async def move_to(self: Marks, conversation_id: UUID, user_id: UUID, seq: int) -> int:
    def fill(pipeline: Pipeline) -> None:
        for key, member in ((_by_conversation(conversation_id), str(user_id)), (_by_person(user_id), str(conversation_id))):
            pipeline.zadd(key, {member: seq})
            pipeline.expire(key, KEPT_SECONDS)
        pipeline.zadd(UNWRITTEN, {f"{conversation_id} {user_id}": seq})

    await self._cache.pipe(fill)
    return seq


async def write_as_told(tx: Tx, marks: list[tuple[UUID, UUID, int]]) -> None:
    await tx.execute(
        """
        UPDATE parties SET read_seq = mark.seq
          FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS mark(conversation_id, user_id, seq)
          JOIN conversations AS conversation ON conversation.id = mark.conversation_id
         WHERE parties.deal_id = conversation.deal_id AND parties.user_id = mark.user_id
        """,
        [mark[0] for mark in marks],
        [mark[1] for mark in marks],
        [mark[2] for mark in marks],
    )
