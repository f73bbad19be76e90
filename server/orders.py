"""What a worker is told: its place among its siblings, and by which descriptor it says that it serves."""

from pathlib import Path

import msgspec

VARIABLE = "SWAPLOOP_WORKER"  # of the environment; settings come as everybody's do


class Place(msgspec.Struct, frozen=True):
    """A worker's place among its siblings. `folder` is theirs alone, with a unix socket of each."""

    number: int  # from 1
    workers: int
    folder: str

    def socket(self, number: int) -> Path:
        return Path(self.folder) / f"worker-{number}.sock"


class Orders(msgspec.Struct, frozen=True):
    place: Place
    tell: int  # where it writes one line once it serves: who can sign in, as JSON. The kernel closes it when it dies
    demo: bool
