"""Which listings have which word: an inverted index that changes one listing at a time. No clock, no I/O."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]

NONE: Int32s = np.zeros(0, np.int32)


class Posting:
    """The slots that have a word, in order: 4 bytes each, and up to a quarter of room."""

    __slots__ = ("_slots", "count")

    def __init__(self, slots: list[int]) -> None:
        self._slots = np.array(slots, np.int32)
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
            self._slots = np.concatenate((self._slots, np.zeros(self.count // 4 + 2, np.int32)))
        place, end = int(self.slots.searchsorted(slot)), self.count
        self._slots[place + 1 : end + 1] = self._slots[place:end]
        self._slots[place] = slot
        self.count += 1

    def remove(self, slot: int) -> None:
        place, end = int(self.slots.searchsorted(slot)), self.count
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
    """A posting per word. A word of one listing, as most numbers of models are, is just that listing's slot."""

    def __init__(self) -> None:
        self._of: dict[str, Posting | int] = {}

    @property
    def nbytes(self) -> int:
        """A word takes about 150 bytes beside its posting: its text, and its place in the dictionary."""
        return sum(150 + (0 if isinstance(of, int) else of.nbytes + 170) for of in self._of.values())

    def load(self, having: dict[str, list[int]]) -> None:
        """Everything at once: the slots of each word, in order."""
        self._of = {word: slots[0] if len(slots) == 1 else Posting(slots) for word, slots in having.items()}

    def add(self, slot: int, words: Iterable[str]) -> None:
        for word in words:
            of = self._of.get(word)
            if of is None:
                self._of[word] = slot
            elif isinstance(of, int):
                self._of[word] = Posting(sorted((of, slot)))
            else:
                of.add(slot)

    def remove(self, slot: int, words: Iterable[str]) -> None:
        for word in words:
            of = self._of[word]
            if isinstance(of, int) or of.count == 1:
                del self._of[word]
            else:
                of.remove(slot)

    def having_all(self, words: Iterable[str]) -> Int32s:
        """The slots that have every one of `words`, in order; none where there are no words."""
        found = [self._of.get(word) for word in words]
        postings = [Posting([of]) if isinstance(of, int) else of for of in found if of is not None]
        if not postings or len(postings) < len(found):
            return NONE
        rarest, *others = sorted(postings, key=lambda posting: posting.count)
        slots = rarest.slots
        for posting in others:
            slots = posting.among(slots)
        return slots
