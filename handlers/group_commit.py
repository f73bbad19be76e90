"""Messages that arrive while a commit is under way share the next one.

The commit is what costs, and one statement for fifty messages costs a few times what it costs for one. Nobody waits for others
to come: a message that finds nothing under way goes at once. (PostgreSQL's own commit_delay makes everybody wait a little, and
saves the write alone.)
"""

import asyncio
from collections import deque
from uuid import UUID

from matching.refusals import Unavailable
from storage.database import Database
from storage.entries import Said, Sent, send_together

COMMITS_MAX = 2  # under way at once: one that has to wait for something does not hold up the rest
TOGETHER_MAX = 100
WAITING_MAX = 10_000


class GroupCommit:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Said, asyncio.Future[Sent | None]]] = deque()
        self._committing: set[asyncio.Task[None]] = set()

    async def send(self, said: Said) -> Sent | None:
        """The entry, committed, and everyone in its conversation; None where this message has to be sent by itself.

        Raises Unavailable; whether it was sent is unknown then, and to send it again is safe.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable
        sent: asyncio.Future[Sent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((said, sent))
        if len(self._committing) < COMMITS_MAX:
            task = asyncio.create_task(self._commit_what_waits())
            self._committing.add(task)
            task.add_done_callback(self._committing.discard)
        return await sent

    async def _commit_what_waits(self) -> None:
        while self._waiting:
            together: dict[tuple[UUID, str], tuple[Said, asyncio.Future[Sent | None]]] = {}
            while self._waiting and len(together) < TOGETHER_MAX:
                said, answer = self._waiting.popleft()
                _, first = together.setdefault((said.sender_id, said.client_message_id), (said, answer))
                if first is not answer:
                    _tell(answer, None)  # sent twice at once: by itself it finds the first
            try:
                async with self._database.connection() as tx:
                    sent = await send_together(tx, [said for said, _ in together.values()])
            except BaseException as error:
                for _, answer in together.values():
                    if not answer.done():
                        answer.set_exception(Unavailable() if isinstance(error, asyncio.CancelledError) else error)
                if not isinstance(error, Exception):
                    raise
            else:
                for key, (_, answer) in together.items():
                    _tell(answer, sent.get(key))


def _tell(answer: "asyncio.Future[Sent | None]", sent: Sent | None) -> None:
    if not answer.done():  # who asked may have been cancelled
        answer.set_result(sent)
