"""Servers that are broken on purpose, by patching the real one when it starts: proof that the proof works."""
