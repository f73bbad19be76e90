"""`python -m tests.faults.witness serve …`: the real server's command line, which also tells how much its objects take.

What a process takes from the system hardly shows a slow leak: Python and malloc fill the holes that they have, for a long
time, before they ask for more. These two gauges grow with the first object that nobody lets go of.
"""

import ctypes
import sys

from prometheus_client import Gauge

from server.cli import main

BLOCKS = "swaploop_python_blocks"
MALLOCED = "swaploop_malloced_bytes"


class _Mallinfo(ctypes.Structure):
    """glibc's `struct mallinfo2`, all arenas together."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def tell_memory() -> None:
    """Have /metrics tell it."""
    Gauge(BLOCKS, "Blocks of memory that small Python objects take").set_function(sys.getallocatedblocks)
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo

    def malloced() -> float:
        told = mallinfo()
        return float(told.uordblks + told.hblkhd)

    Gauge(MALLOCED, "Bytes that larger objects, and libraries, take").set_function(malloced)


if __name__ == "__main__":
    tell_memory()
    main()
