"""How much of an answer is read: no more than any reply has."""

MOST = 64_000_000
"""Bytes of a success; the longest replies have some hundred kilobytes."""
MOST_TOLD = 1_000_000
"""Bytes of an error; what comes after them is not read."""
HEAD = 200_000
"""Bytes that may come before the headers have an end."""
