"""Messages that arrive while a commit is under way share the next one.

The commit is what costs, and one statement for fifty messages costs a few times what it costs for one. Nobody waits for others
to come: a message that finds nothing under way goes at once. (PostgreSQL's own commit_delay makes everybody wait a little, and
saves the write alone.)
"""

import asyncio
from collections import deque
from typing import TypeAlias
from uuid import UUID

from matching.refusals import Unavailable
from storage.database import Database
from storage.entries import Said, Sent, send_together

# One commit at a time takes the most with it; one that has to wait for something must not hold up the rest.
SLOW_SECONDS = 0.1
COMMITS_MAX = 4
TOGETHER_MAX = 100
WAITING_MAX = 10_000


Answer: TypeAlias = "asyncio.Future[Sent | None]"


class GroupCommit:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Said, Answer]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0  # not the number of tasks: one that has ended is still among them for a moment
        self._begun_at = 0.0  # the latest commit, by the loop's clock

    async def send(self, said: Said) -> Sent | None:
        """The entry, committed, and everyone in its conversation; None where this message has to be sent by itself.

        Raises Unavailable; whether it was sent is unknown then, and to send it again is safe.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._waiting.append((said, answer))
        slow = loop.time() - self._begun_at > SLOW_SECONDS
        if self._under_way == 0 or (slow and self._under_way < COMMITS_MAX):
            self._under_way += 1
            self._begun_at = loop.time()
            task = asyncio.create_task(self._commit_what_waits())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _commit_what_waits(self) -> None:
        try:
            while self._waiting:
                self._begun_at = asyncio.get_running_loop().time()
                await self._commit(self._take())
        finally:
            self._under_way -= 1

    def _take(self) -> list[tuple[Said, Answer]]:
        """What may go together: no message twice."""
        together: dict[tuple[UUID, str], tuple[Said, Answer]] = {}
        while self._waiting and len(together) < TOGETHER_MAX:
            said, answer = self._waiting.popleft()
            if together.setdefault((said.sender_id, said.client_message_id), (said, answer))[1] is not answer:
                _tell(answer, None)  # by itself it will find the first
        return list(together.values())

    async def _commit(self, together: list[tuple[Said, Answer]]) -> None:
        try:
            async with self._database.connection() as tx:
                sent = await send_together(tx, [said for said, _ in together])
        except BaseException as error:
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(error if isinstance(error, Exception) else Unavailable())
            if not isinstance(error, Exception):
                raise
            return
        for said, answer in together:
            _tell(answer, sent.get((said.sender_id, said.client_message_id)))


def _tell(answer: Answer, sent: Sent | None) -> None:
    if not answer.done():  # who asked may have been cancelled
        answer.set_result(sent)
