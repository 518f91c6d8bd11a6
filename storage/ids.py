"""Identifiers: 32 hex digits, ordered by the millisecond they were made in."""

import secrets
import time


def new_id() -> str:
    """Return a fresh id: 48 bits of Unix milliseconds, then 80 random bits (as UUIDv7, RFC 9562).

    Time first keeps the rows of one day side by side in the catalogue's B-trees.
    """
    milliseconds = time.time_ns() // 1_000_000
    return f"{milliseconds:012x}{secrets.token_hex(10)}"
