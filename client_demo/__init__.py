"""A client that knows the wire (the contract) and none of the server's code: a core, a terminal app, a demo play."""
