"""The load client: many connections that cost little, so that what is measured is the server."""
