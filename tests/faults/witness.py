"""`python -m tests.faults.witness serve …`: the real server's command line, which also tells how much its objects take.

What a process takes from the system hardly shows a slow leak: Python and malloc fill the holes that they have, for a long
time, before they ask for more; and what waits to be collected swings by tens of megabytes. On SIGUSR1 this process collects,
and notes what is left. That grows with the first object that nobody lets go of.
"""

import ctypes
import gc
import signal
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
    """Have /metrics tell what there was after the last SIGUSR1."""
    blocks = Gauge(BLOCKS, "Blocks of memory that small Python objects take")
    malloced = Gauge(MALLOCED, "Bytes that larger objects, and libraries, take")
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo

    def look(_number: int, _frame: object) -> None:
        gc.collect()
        told = mallinfo()
        blocks.set(sys.getallocatedblocks())
        malloced.set(told.uordblks + told.hblkhd)

    signal.signal(signal.SIGUSR1, look)


if __name__ == "__main__":
    tell_memory()
    main()
