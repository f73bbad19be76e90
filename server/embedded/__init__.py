"""Real PostgreSQL and real Valkey, started and stopped with the server: nothing to install beside the wheels.

Linux and macOS. Synchronous; to be called in the main thread before the event loop runs, since the kernel ends the
children with the thread that started them.
"""

from server.embedded.errors import EmbeddedError
from server.embedded.parts import Parts, start_parts
from server.embedded.postgres import EmbeddedPostgres
from server.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedError", "EmbeddedPostgres", "EmbeddedValkey", "Parts", "start_parts"]
