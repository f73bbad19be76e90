"""Which listings have which words: an index both ways that changes one listing at a time. No clock, no I/O.

Words are numbered: a listing's take 4 bytes each, which as Python strings would be 8, besides a tuple to hold them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]

NONE: Int32s = np.zeros(0, np.int32)


class Posting:
    """The slots that have a word, in order: 4 bytes each, and up to an eighth of room."""

    __slots__ = ("_slots", "count")

    def __init__(self, slots: Int32s) -> None:
        self._slots = slots
        self.count = len(slots)

    @property
    def slots(self) -> Int32s:
        """A view, right until the next change."""
        return self._slots[: self.count]

    @property
    def nbytes(self) -> int:
        return self._slots.nbytes

    def add(self, slot: int) -> None:
        if self.count == len(self._slots):
            self._slots = np.concatenate((self._slots, np.zeros(self.count // 8 + 2, np.int32)))
        end = self.count
        # As a rule a new slot is the highest.
        place = end if self._slots[end - 1] < slot else bisect_left(self._slots, slot, 0, end)
        self._slots[place + 1 : end + 1] = self._slots[place:end]
        self._slots[place] = slot
        self.count += 1

    def remove(self, slot: int) -> None:
        end = self.count
        place = bisect_left(self._slots, slot, 0, end)
        assert place < end, "it is there"
        assert self._slots[place] == slot, "it is there"
        self._slots[place : end - 1] = self._slots[place + 1 : end]
        self.count -= 1

    def among(self, slots: Int32s) -> Int32s:
        """Those of `slots` that are in here."""
        place = np.minimum(self.slots.searchsorted(slots), self.count - 1)
        shared: Int32s = slots[self.slots[place] == slots]
        return shared


class Postings:
    """The words of each listing, and a posting per word. A word has a number for as long as a listing has it."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._words: list[str] = []  # by number
        # By number. A word of one listing, as most numbers of models are, is just that listing's slot.
        self._having: list[Posting | int | None] = []
        self._free: list[int] = []
        self._numbers: list[bytes] = []  # by slot: of its words, 4 bytes each

    @property
    def nbytes(self) -> int:
        """A word takes about 160 bytes beside its posting: text, place in the dictionary, number, two pointers."""
        beside = 8 * len(self._numbers) + 41 * sum(map(bool, self._numbers)) + sum(map(len, self._numbers))
        postings = sum(having.nbytes + 150 for having in self._having if isinstance(having, Posting))
        return beside + postings + 160 * len(self._words)

    def load(self, texts: Iterable[tuple[int, Iterable[str]]]) -> None:
        """Everything at once, into an empty index: slots, each with its words."""
        for slot, words in texts:
            self._note(slot, words)
        numbers = np.frombuffer(b"".join(self._numbers), np.int32)
        slots = np.repeat(np.arange(len(self._numbers), dtype=np.int32), [len(noted) // 4 for noted in self._numbers])
        slots = slots[np.argsort(numbers, kind="stable")]
        ends = np.cumsum(np.bincount(numbers, minlength=len(self._words))).tolist()
        for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if end - start > 1:
                self._having[number] = Posting(slots[start:end].copy())
            elif end > start:
                self._having[number] = int(slots[start])

    def add(self, slot: int, words: Iterable[str]) -> None:
        for number in self._note(slot, words):
            having = self._having[number]
            if having is None:
                self._having[number] = slot
            elif isinstance(having, int):
                self._having[number] = Posting(np.array(sorted((having, slot)), np.int32))
            else:
                having.add(slot)

    def remove(self, slot: int) -> None:
        for number in array("i", self._numbers[slot]):
            having = self._having[number]
            if isinstance(having, Posting) and having.count > 1:
                having.remove(slot)
            else:
                del self._number[self._words[number]]
                self._words[number], self._having[number] = "", None
                self._free.append(number)
        self._numbers[slot] = b""

    def words(self, slot: int) -> list[str]:
        """Each once."""
        return [self._words[number] for number in array("i", self._numbers[slot])]

    def has_all(self, slot: int, words: Iterable[str]) -> bool:
        numbers = array("i", self._numbers[slot]).tolist()
        return all(self._number.get(word) in numbers for word in words)

    def having_all(self, words: Sequence[str]) -> Int32s:
        """The slots that have every one of `words`, in order; none where there are no words."""
        found = [self._having[self._number[word]] for word in words if word in self._number]
        postings = [Posting(np.array([of], np.int32)) if isinstance(of, int) else of for of in found if of is not None]
        if not postings or len(postings) < len(words):
            return NONE
        rarest, *others = sorted(postings, key=lambda posting: posting.count)
        slots = rarest.slots
        for posting in others:
            slots = posting.among(slots)
        return slots

    def _note(self, slot: int, words: Iterable[str]) -> list[int]:
        """Keep the words of `slot`; the numbers they have."""
        numbers = [self._number_of(word) for word in dict.fromkeys(words)]
        self._numbers.extend([b""] * (slot + 1 - len(self._numbers)))
        self._numbers[slot] = array("i", numbers).tobytes()
        return numbers

    def _number_of(self, word: str) -> int:
        number = self._number.get(word)
        if number is None:
            if self._free:
                number = self._free.pop()
                self._words[number] = word
            else:
                number = len(self._words)
                self._words.append(word)
                self._having.append(None)
            self._number[word] = number
        return number
