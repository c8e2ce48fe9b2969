"""Sessions and their messages as everything but a turn needs them: sync, through the ORM."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from brains import registry
from chat.ids import inside, outside
from chat.models import IdempotencyKey, Message, Session, Turn
from identity.callers import Caller
from personas import catalog
from problems import IdempotencyMismatch, Invalid, NotFound, UnknownBrain, UnknownPersona

EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the current path, with the turn that it belongs to."""

    id: UUID
    role: str
    text: str
    created_at: datetime.datetime
    parent: UUID | None
    depth: int
    turn: UUID | None
    status: str | None
    persona: str | None
    brain: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as lists have it, with the beginning of the newest message."""

    session: Session
    last_message: str | None


PATH = """
WITH RECURSIVE path AS (
    SELECT h.id, h.parent_id FROM chat_session s JOIN chat_message h ON h.id = s.head_id WHERE s.id = %(session)s
    UNION ALL
    SELECT m.id, m.parent_id FROM path p JOIN chat_message m ON m.id = p.parent_id
)
SELECT m.id, m.role, m.text, m.created_at, m.parent_id, m.depth, t.id, t.status, t.persona, t.brain
FROM path JOIN chat_message m ON m.id = path.id
LEFT JOIN LATERAL (
    SELECT id, status, persona, brain FROM chat_turn
    WHERE reply_id = m.id OR (m.role = 'user' AND user_message_id = m.id)
    ORDER BY created_at DESC, id DESC LIMIT 1
) t ON true
WHERE m.depth >= %(depth)s
ORDER BY m.depth LIMIT %(limit)s
"""

EVERYTHING = """
SELECT m.id, m.role, m.text, m.created_at, m.parent_id, m.depth, t.id, t.status, t.persona, t.brain
FROM chat_message m
LEFT JOIN LATERAL (
    SELECT id, status, persona, brain FROM chat_turn
    WHERE reply_id = m.id OR (m.role = 'user' AND user_message_id = m.id)
    ORDER BY created_at DESC, id DESC LIMIT 1
) t ON true
WHERE m.session_id = %(session)s
ORDER BY m.depth, m.id
"""


def of(caller: Caller) -> QuerySet[Session]:
    """The sessions that a caller may see: the one place where sessions are scoped."""
    return Session.objects.filter(owner__app=caller.app)


def get(caller: Caller, session_id: str) -> Session:
    """One session with owner and head. Raises NotFound."""
    found = of(caller).select_related("owner", "head").filter(id=inside("session", session_id)).first()
    if found is None:
        raise NotFound("There is no such session.")
    return found


def start(*, owner_id: int, persona: str, title: str, metadata: dict[str, Any], key: str, digest: str) -> Session:
    """A new session, or the one that the same key began. Raises UnknownPersona, IdempotencyMismatch."""
    persona = persona or catalog.default_name()
    known_persona(persona)
    with transaction.atomic():
        session = Session(owner_id=owner_id, persona_id=persona, title=title, metadata=metadata)
        session.save(force_insert=True)
        if not key:
            return session
        claim, claimed = IdempotencyKey.objects.get_or_create(
            owner_id=owner_id, key=key, defaults={"digest": digest, "session": session}
        )
        if claimed:
            return session
        transaction.set_rollback(True)
    if claim.digest != digest:
        raise IdempotencyMismatch
    return claim.session


def known_persona(name: str) -> None:
    """Raise UnknownPersona, naming those there are, for one that can't be chosen."""
    names = catalog.names()
    if name not in names:
        raise UnknownPersona(
            f"There is no such persona; there are {', '.join(names)}.", fields={"persona": ["Unknown persona."]}
        )


def known_brain(alias: str) -> None:
    """Raise UnknownBrain, naming those there are."""
    if alias not in registry.aliases():
        raise UnknownBrain(
            f"There is no such brain; there are {', '.join(registry.aliases())}.", fields={"brain": ["Unknown brain."]}
        )


# --- lists ------------------------------------------------------------------------------------------------------------


def page(sessions: QuerySet[Session], *, cursor: str, limit: int) -> tuple[list[Listed], str | None]:
    """A page, newest first, and the next page's cursor. Raises Invalid for a cursor that is none of ours."""
    if cursor:
        updated, last = _read_cursor(cursor)
        sessions = sessions.filter(Q(updated_at__lt=updated) | Q(updated_at=updated, id__lt=last))
    rows = list(
        sessions.select_related("owner", "head")
        .annotate(last_message=Left("head__text", EXCERPT_CHARS))
        .defer("head__text")
        .order_by("-updated_at", "-id")[: limit + 1]
    )
    listed = [Listed(row, row.last_message) for row in rows[:limit]]
    return listed, _cursor(rows[limit - 1]) if len(rows) > limit else None


def _cursor(session: Session) -> str:
    text = f"{session.updated_at.isoformat()} {session.id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime.datetime, UUID]:
    try:
        updated, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.datetime.fromisoformat(updated), UUID(hex=last)
    except (ValueError, binascii.Error) as error:
        raise Invalid(fields={"cursor": ["Take the cursor from `next` of the page before."]}) from error


def search(sessions: QuerySet[Session], words: str) -> QuerySet[Session]:
    """Those whose title or one of whose messages holds every word, the last one as a prefix."""
    terms = re.findall(r"\w+", words)
    if not terms:
        return sessions
    query = SearchQuery(" & ".join([*terms[:-1], f"{terms[-1]}:*"]), search_type="raw", config="simple")
    titled = Session.objects.annotate(words=SearchVector("title", config="simple")).filter(words=query)
    said = Message.objects.annotate(words=SearchVector("text", config="simple")).filter(words=query)
    return sessions.filter(Q(id__in=titled.values("id")) | Q(id__in=said.values("session_id")))


# --- messages ---------------------------------------------------------------------------------------------------------


def path(session: Session, *, depth: int = 0, limit: int | None = None) -> list[Entry]:
    """The current path's messages, oldest first, from `depth` on, with their turns as of the same moment."""
    with connection.cursor() as cursor:
        cursor.execute(PATH, {"session": session.id, "depth": depth, "limit": limit})
        return [_entry(row) for row in cursor.fetchall()]


def everything(session: Session) -> Iterator[Entry]:
    """All messages of all branches, parents before children."""
    with connection.cursor() as cursor:
        cursor.execute(EVERYTHING, {"session": session.id})
        for row in cursor:
            yield _entry(row)


def _entry(row: tuple[Any, ...]) -> Entry:
    entry = Entry(*row)
    return entry if entry.role == "assistant" else replace(entry, persona=None, brain=None)


def running(entries: list[Entry]) -> Turn | None:
    """The turn that runs at the end of a path, if one does."""
    last = entries[-1] if entries else None
    if last is None or last.turn is None or last.status != "running":
        return None
    return Turn.objects.filter(id=last.turn, status="running").first()


# --- changes ----------------------------------------------------------------------------------------------------------


def clear(session: Session) -> None:
    """Remove the messages and turns, keep the session."""
    with transaction.atomic():
        _lock(session)
        Session.objects.filter(id=session.id).update(head=None)
        _remove_messages(session)


def delete(session: Session) -> None:
    """Remove the session with all that is in it."""
    with transaction.atomic():
        _lock(session)
        Session.objects.filter(id=session.id).update(head=None)
        _remove_messages(session)
        IdempotencyKey.objects.filter(session=session).delete()
        Session.objects.filter(id=session.id).delete()


def _lock(session: Session) -> None:
    # The same row first as a turn's beginning and end: they can't wait for each other.
    if not Session.objects.select_for_update(no_key=True).filter(id=session.id).exists():
        raise NotFound("There is no such session.")


def _remove_messages(session: Session) -> None:
    IdempotencyKey.objects.filter(turn__session=session).delete()
    Turn.objects.filter(session=session).delete()
    Message.objects.filter(session=session).delete()


def summary(session: Session) -> dict[str, Any]:
    """A session as lists show it."""
    return {
        "session_id": outside("session", session.id),
        "user_id": session.owner.external_id,
        "persona": session.persona_id,
        "title": session.title,
        "message_count": session.head.depth + 1 if session.head else 0,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
    }
