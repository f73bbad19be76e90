"""The demo market: who lives in it, what they list, and the pictures of it, all made by our own code."""
