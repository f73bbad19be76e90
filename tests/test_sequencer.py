"""The order of pushes: an entry that is early waits for the ones before it, each for its own full time (contract.md)."""

import asyncio
import random
from uuid import UUID

import pytest

import server.sequencer
from server.sequencer import EARLY_MAX, Sequencer

LOG, OTHER = UUID(int=1), UUID(int=2)


class Sent:
    """What a sequencer has let pass, in order."""

    def __init__(self) -> None:
        self.sequencer = Sequencer()
        self.seqs: list[int] = []

    def take(self, *seqs: int, log: UUID = LOG) -> None:
        for seq in seqs:
            self.sequencer.take(log, seq, lambda seq=seq: self.seqs.append(seq))  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.sequencer, "FIRST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(server.sequencer, "GAP_WAIT_SECONDS", 0.8)  # wide, since a busy machine stops for a while


async def test_what_is_in_order_passes_at_once_and_what_is_early_waits_for_it() -> None:
    sent = Sent()
    sent.take(1, 2, 5, 4)
    assert sent.seqs == [1, 2]
    sent.take(3)
    assert sent.seqs == [1, 2, 3, 4, 5]
    sent.take(2, log=OTHER)
    sent.take(1, log=OTHER)
    assert sent.seqs[5:] == [1, 2], "each log has its own order"


async def test_what_never_comes_is_waited_for_in_vain_only_so_long() -> None:
    sent = Sent()
    sent.take(1, 4, 3)
    await asyncio.sleep(0.1)
    assert sent.seqs == [1]
    await asyncio.sleep(0.8)
    assert sent.seqs == [1, 3, 4]
    sent.take(2, 5)
    assert sent.seqs == [1, 3, 4, 2, 5], "late, but not lost"


async def test_no_more_than_a_thousand_wait() -> None:
    sent = Sent()
    sent.take(1, *range(3, EARLY_MAX + 3))
    assert sent.seqs == [1]
    sent.take(EARLY_MAX + 3)
    assert sent.seqs == [1, *range(3, EARLY_MAX + 4)]
    sent.take(EARLY_MAX + 5)
    assert sent.seqs[-1] == EARLY_MAX + 3, "what comes next waits again"


async def test_what_is_heard_first_of_a_log_waits_a_moment_for_one_before_it() -> None:
    sent = Sent()
    sent.take(8, 7)
    assert sent.seqs == []
    await asyncio.sleep(0.1)
    sent.take(9)
    assert sent.seqs == [7, 8, 9]

    other = Sent()
    other.take(8, 7, 10)
    await asyncio.sleep(0.1)
    assert other.seqs == [7, 8], "that moment is over, but 10 has not yet waited for 9"
    other.take(9)
    assert other.seqs == [7, 8, 9, 10]


async def test_an_older_wait_that_has_ended_does_not_cut_a_newer_one_short() -> None:
    sent = Sent()
    sent.take(1, 3)  # waits for 2
    await asyncio.sleep(0.55)
    sent.take(2, 5)  # that wait is over; 5 waits for 4
    await asyncio.sleep(0.45)
    assert sent.seqs == [1, 2, 3], "the time of the first wait is not the second one's"
    sent.take(4)
    assert sent.seqs == [1, 2, 3, 4, 5]

    sent.take(7, 9)  # waits for 6
    await asyncio.sleep(0.55)
    sent.take(6)  # 7 follows; 9 goes on waiting, for 8
    await asyncio.sleep(0.45)
    sent.take(8)
    assert sent.seqs[5:] == [6, 7, 8, 9]


async def test_however_it_is_shuffled_a_little_it_comes_out_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.sequencer, "GAP_WAIT_SECONDS", 30.0)  # nothing is given up, however slow the machine
    sent = Sent()
    chance = random.Random(2)
    numbers = list(range(1, 301))
    for start in range(0, 300, 6):
        some = numbers[start : start + 6]
        chance.shuffle(some)
        for seq in some:
            sent.take(seq)
            if seq % 3 == 0:
                await asyncio.sleep(0.001)
    assert sent.seqs == numbers
