"""By which ids a log line is found again: those of the request, the turn and the session in whose course it is written.

Kept in context variables: a task that is started has those of who started it, so a turn knows the request that began it.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

request: ContextVar[str] = ContextVar("request", default="")
turn: ContextVar[str] = ContextVar("turn", default="")
session: ContextVar[str] = ContextVar("session", default="")

FORM = re.compile(rb"[A-Za-z0-9._-]{1,128}")
"""What a client or proxy may give for a request's id: nothing that could be taken for another line, a markup or a command."""


def request_id(given: bytes) -> str:
    """The id that came with a request, where it is well formed; else a new one."""
    return given.decode("ascii") if FORM.fullmatch(given) else secrets.token_hex(16)


def all_of() -> dict[str, str]:
    """Those that are known here, by their names in a log line."""
    found = {"request_id": request.get(), "turn_id": turn.get(), "session_id": session.get()}
    return {name: value for name, value in found.items() if value}
