"""Which of equals comes first: whose id is nearest to the asker's own, around the circle of ids. No clock, no I/O.

Were it the lowest id, for everybody the same few would be the best, and of many alike most would be in nobody's row and in no
ring. Were it the next ids only, everybody would be wanted, but a ring of alike would have to go all around the circle. So it is
the nearest on either side: those near each other want each other. The circle is that of an id's low half, which is random in
every kind of UUID, so that it is the same on every process and owes nothing to who came first.
"""

import numpy as np
from numpy.typing import NDArray

UInt64s = NDArray[np.uint64]

HALF_BITS = 64
LOW_HALF = (1 << HALF_BITS) - 1
GOLDEN = 0x9E3779B97F4A7C15  # 2 ** 64 / the golden ratio


def along(item: int) -> int:
    """Where an id is on the circle: in the order of low halves, then of high ones."""
    return (item & LOW_HALF) << HALF_BITS | item >> HALF_BITS


def apart(a: UInt64s, b: UInt64s) -> UInt64s:
    """How far apart low halves are around the circle: 0; 1 if b is right before a, 2 if it is right after it; and so on."""
    doubled = (ahead := b - a) << 1
    far: UInt64s = np.where(ahead >> (HALF_BITS - 1), ~doubled, doubled)  # behind: ahead is negative, as a two's complement
    return far


def spread(item: int) -> float:
    """A number of its own for each id, 0 up to 1."""
    # Fibonacci hashing: also ids that were given out one after the other are spread evenly.
    return (item * GOLDEN & LOW_HALF) / (LOW_HALF + 1)
