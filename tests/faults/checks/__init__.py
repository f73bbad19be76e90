"""What was promised, one family in a file; each says how many cases it saw, and how many broke it."""
