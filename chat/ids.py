"""Ids: a UUIDv7 (RFC 9562, 5.7) in the database, `kind_` + its 32 hex digits outside.

The first 48 bits are milliseconds since 1970, so that an index grows at its end; 74 bits are random, so that an id
can't be guessed.
"""

from __future__ import annotations

import os
import time
from typing import Literal, TypeAlias
from uuid import UUID

from problems import NotFound

Kind: TypeAlias = Literal["session", "turn", "msg", "summary", "fact"]

WORDS: dict[Kind, str] = {
    "session": "session",
    "turn": "turn",
    "msg": "message",
    "summary": "summary",
    "fact": "fact",
}


def new_id() -> UUID:
    """A fresh UUIDv7."""
    millis = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    high = (millis & (1 << 48) - 1) << 16 | 0x7 << 12 | tail >> 68
    low = 0b10 << 62 | tail & (1 << 62) - 1
    return UUID(int=high << 64 | low)


def outside(kind: Kind, value: UUID) -> str:
    """What a client sees: `session_…`."""
    return f"{kind}_{value.hex}"


def inside(kind: Kind, text: str) -> UUID:
    """The UUID of a client's id; NotFound for what can't be one, as for one that does not exist."""
    prefix, _, digits = text.partition("_")
    if prefix == kind and len(digits) == 32 and digits.isascii() and digits.isalnum() and digits == digits.lower():
        try:
            return UUID(hex=digits)
        except ValueError:
            pass
    raise NotFound(f"There is no such {WORDS[kind]}.")
