"""Memory that a burst of work leaves behind.

glibc maps blocks of 128 KB and more by themselves and gives them back when they are freed; but after the first such block is
freed it takes blocks of that size from its heaps, which it keeps. One password hash (19 MB) or one picture is enough.
"""

import contextlib
import ctypes
import sys

M_MMAP_THRESHOLD = -3
LARGE_BYTES = 1024 * 1024


def keep_no_large_blocks() -> None:
    """From now on blocks of over a megabyte go back to the system when they are freed."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no such function, and no such habit
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Hand freed pages of smaller blocks back too. Takes some milliseconds."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
