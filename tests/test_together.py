"""What is asked for at the same time is asked for together, and everybody has their own answer."""

import asyncio

import pytest

from storage.together import Together


async def test_what_comes_meanwhile_goes_together_next_and_each_has_its_own_answer() -> None:
    rounds: list[list[int]] = []
    go_on = asyncio.Event()

    async def ask_all(numbers: list[int]) -> list[int]:
        rounds.append(numbers)
        await go_on.wait()
        return [number * 10 for number in numbers]

    together = Together(ask_all, most=3)
    first = asyncio.create_task(together.ask(0))
    while not rounds:
        await asyncio.sleep(0)
    others = [asyncio.create_task(together.ask(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    others[1].cancel()  # who does not wait any more holds nobody up
    go_on.set()
    assert await first == 0
    answers = await asyncio.gather(*others, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == [10, 30, 40, 50]
    assert rounds == [[0], [1, 2, 3], [4, 5]]


async def test_all_hear_of_what_went_wrong_and_the_next_are_asked_for_again() -> None:
    wrong = True

    async def ask_all(numbers: list[int]) -> list[int]:
        if wrong:
            raise ConnectionError
        return numbers

    together = Together(ask_all, most=10)
    for error in await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True):
        assert isinstance(error, ConnectionError)
    with pytest.raises(ConnectionError):
        await together.ask(3)
    wrong = False
    assert await together.ask(4) == 4
