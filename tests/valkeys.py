"""A Valkey that a test may stop, start again and empty, since nobody else is on it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.embedded import EmbeddedValkey


@contextmanager
def own_valkey() -> Iterator[EmbeddedValkey]:
    """A running one; stopped at the end of the block, if it still runs."""
    with tempfile.TemporaryDirectory(prefix="swaploop-valkey-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, it runs as another user, who has to get here
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            yield valkey
        finally:
            valkey.stop()
