"""The one way in which PostgreSQL or Valkey fail to be run by us."""


class EmbeddedError(Exception):
    """PostgreSQL or Valkey cannot be run here. The message is a sentence for whoever started the server."""
