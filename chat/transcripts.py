"""A session as an operator reads it: one path through its tree, each message with its versions, each turn with how it went."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from chat import amounts
from chat.ids import inside, outside
from chat.models import Session, Status, Turn
from problems import NotFound

MESSAGES_SHOWN = 200

# The newest end of all that was said after a message.
LEAF = """
WITH RECURSIVE down AS (
    SELECT id, depth FROM chat_message WHERE id = %(message)s AND session_id = %(session)s
    UNION ALL
    SELECT next.id, next.depth FROM down CROSS JOIN LATERAL (
        SELECT m.id, m.depth FROM chat_message m WHERE m.parent_id = down.id ORDER BY m.created_at DESC, m.id DESC LIMIT 1
    ) next
)
SELECT id, depth FROM down ORDER BY depth DESC LIMIT 1
"""

PATH = """
WITH RECURSIVE path AS (
    SELECT id, parent_id, depth FROM chat_message WHERE id = %(leaf)s
    UNION ALL
    SELECT m.id, m.parent_id, m.depth FROM path p JOIN chat_message m ON m.id = p.parent_id WHERE p.depth > %(first)s
)
SELECT m.id, m.role, m.text, m.created_at,
       CASE WHEN m.parent_id IS NULL
            THEN ARRAY(SELECT v.id FROM chat_message v WHERE v.session_id = m.session_id AND v.parent_id IS NULL
                       ORDER BY v.created_at, v.id)
            ELSE ARRAY(SELECT v.id FROM chat_message v WHERE v.parent_id = m.parent_id ORDER BY v.created_at, v.id) END
FROM path JOIN chat_message m ON m.id = path.id
WHERE path.depth BETWEEN %(first)s AND %(last)s
ORDER BY path.depth
"""


@dataclass(frozen=True, slots=True)
class Went:
    """How a turn went. `facts` are what there is to say of it, in words."""

    id: UUID
    status: str
    error: str
    facts: tuple[str, ...]

    @property
    def bad(self) -> bool:
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `turns`: of a reply the one that it came from, of a user's message those that ended without a reply, or run.

    `before` and `after` are the ids, as outside, of the versions next to it; empty where there is none.
    """

    id: str
    role: str
    text: str
    at: datetime
    turns: tuple[Went, ...]
    version: int
    versions: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A part of a path. `at` names the message through which it leads, empty for the current one; `older` and `newer` are depths
    to go on with."""

    said: tuple[Said, ...]
    at: str
    older: int | None
    newer: int | None


def transcript(session: Session, at: str = "", until: int | None = None) -> Transcript:
    """The path through the message `at` (an id as outside; empty, or not of this session: the current path), oldest first.

    Of a long one the messages up to the depth `until`, the newest where that is None.
    """
    leaf, depth, at = _leaf(session, at)
    last = depth if until is None else min(until, depth)
    first = max(0, last - MESSAGES_SHOWN + 1)
    with connection.cursor() as cursor:
        cursor.execute(PATH, {"leaf": leaf, "first": first, "last": last})
        rows = cursor.fetchall()
    went = _went([row[0] for row in rows])
    said = tuple(_said(row, tuple(went.get(row[0], ()))) for row in rows)
    newer = min(depth, last + MESSAGES_SHOWN) if last < depth else None
    return Transcript(said, at, first - 1 if first else None, newer)


def _leaf(session: Session, at: str) -> tuple[UUID | None, int, str]:
    if message := _message(at):
        with connection.cursor() as cursor:
            cursor.execute(LEAF, {"message": message, "session": session.id})
            if row := cursor.fetchone():
                return row[0], row[1], at
    return session.head_id, session.head.depth if session.head else -1, ""


def _message(at: str) -> UUID | None:
    try:
        return inside("msg", at) if at else None
    except NotFound:
        return None


def _said(row: tuple[Any, ...], turns: tuple[Went, ...]) -> Said:
    message, role, text, at, versions = row
    place = versions.index(message)
    return Said(
        id=outside("msg", message),
        role=role,
        text=text,
        at=at,
        turns=turns,
        version=place + 1,
        versions=len(versions),
        before=outside("msg", versions[place - 1]) if place else "",
        after=outside("msg", versions[place + 1]) if place + 1 < len(versions) else "",
    )


def _went(messages: list[UUID]) -> dict[UUID, list[Went]]:
    """The turns of messages, by message, oldest first."""
    found: defaultdict[UUID, list[Went]] = defaultdict(list)
    turns = Turn.objects.filter(Q(reply__in=messages) | Q(user_message__in=messages, reply=None))
    for turn in turns.defer("manifest").order_by("created_at", "id"):
        found[turn.reply_id or turn.user_message_id].append(went(turn))
    return found


def went(turn: Turn) -> Went:
    """In words: who answered, how long it took, what it cost."""
    facts = [f"{turn.brain} (stood in)" if turn.fallback else turn.brain, turn.model]
    facts.append(f"{turn.persona} v{turn.persona_version}")
    if turn.first_token_at:
        facts.append(f"first token {amounts.seconds(turn.first_token_ms)}")
    if turn.finished_at:
        facts.append(f"took {amounts.seconds(turn.duration_ms)}")
    if turn.input_tokens is not None:
        cached = f" ({turn.cache_read_tokens:,} cached)" if turn.cache_read_tokens else ""
        facts.append(f"{turn.input_tokens:,} tokens in{cached}, {amounts.count(turn.output_tokens)} out")
    if turn.status != Status.RUNNING:
        facts.append(amounts.dollars(turn.cost) if turn.cost is not None else "cost unknown")
    return Went(turn.id, turn.status, turn.error, tuple(filter(None, facts)))
