"""What many ask for at the same time is asked for together: a round trip for all of them in the place of one each."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Together(Generic[Asked, Answered]):
    """What comes while an answer is under way goes together in the next; nobody waits for others to come.

    `ask_all` answers each of a list, in its order; at most `most` at once. What it raises, all of them hear.
    """

    def __init__(self, ask_all: Callable[[list[Asked]], Awaitable[Sequence[Answered]]], most: int) -> None:
        self._ask_all = ask_all
        self._most = most
        self._waiting: deque[tuple[Asked, asyncio.Future[Answered]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answered:
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
                try:
                    answers = await self._ask_all([asked for asked, _ in some])
                except Exception as error:
                    for _, waiting in some:
                        if not waiting.done():
                            waiting.set_exception(error)
                else:
                    for (_, waiting), answer in zip(some, answers, strict=True):
                        if not waiting.done():  # who asked may have been cancelled
                            waiting.set_result(answer)
        finally:
            self._working = None
