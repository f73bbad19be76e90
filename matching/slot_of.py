"""The slot of each id: a hash table of slots, whose ids stand elsewhere. No clock, no I/O.

A dict would take 80 bytes an id, half of them for what is known already; this takes 6 to 12.
"""

from array import array

FREE = -1
SIZE_MIN = 16


class SlotOf:
    """Of every slot that was added, by its id in `ids`. It stands where its hash says, or in the next free place."""

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids  # by slot: the caller's
        self._places = array("i", [FREE]) * SIZE_MIN  # a power of two, and never more than two thirds taken
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return len(self._places) * self._places.itemsize

    def get(self, item: int) -> int | None:
        slot = self._places[self._place(item)]
        return None if slot == FREE else slot

    def add(self, slot: int) -> None:
        """Its id is in `ids` by now, and stays as it is until the slot is removed."""
        if 3 * (self._count + 1) > 2 * len(self._places):
            self._grow()
        place = self._place(self._ids[slot])
        assert self._places[place] == FREE, "an id has one slot"
        self._places[place] = slot
        self._count += 1

    def remove(self, slot: int) -> None:
        places, last = self._places, len(self._places) - 1
        hole = self._place(self._ids[slot])
        assert places[hole] == slot, "it is there"
        place = hole
        # What stands behind, up to the next free place, would not be found beyond a hole: who may stand in it moves there.
        while places[place := place + 1 & last] != FREE:
            home = hash(self._ids[places[place]]) & last
            if place - home & last >= place - hole & last:
                places[hole], hole = places[place], place
        places[hole] = FREE
        self._count -= 1

    def _place(self, item: int) -> int:
        """Where it is, or would be."""
        places, ids, last = self._places, self._ids, len(self._places) - 1
        place = hash(item) & last
        while (slot := places[place]) != FREE and ids[slot] != item:
            place = place + 1 & last
        return place

    def _grow(self) -> None:
        taken = [slot for slot in self._places if slot != FREE]
        self._places = array("i", [FREE]) * (2 * len(self._places))
        for slot in taken:
            self._places[self._place(self._ids[slot])] = slot
