"""Sessions and their messages as everything but a turn needs them: sync, through the ORM."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left

from brains import registry
from chat.ids import inside, outside
from chat.models import IdempotencyKey, Message, Piece, Session, Turn
from identity.callers import ANONYMOUS, Caller, owned
from personas import catalog
from problems import IdempotencyMismatch, Invalid, NotFound, UnknownBrain, UnknownPersona

EXCERPT_CHARS = 200

WRONG_CURSOR = "Take the cursor from `next` of the page before."

FIRST = (-1, UUID(int=0))
"""Before every message, in the order of `everything`."""


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
WHERE m.session_id = %(session)s AND (m.depth, m.id) > (%(depth)s, %(after)s)
ORDER BY m.depth, m.id LIMIT %(limit)s
"""


def of(caller: Caller) -> QuerySet[Session]:
    """The sessions that a caller may see."""
    return owned(Session.objects.all(), caller)


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


def began(caller: Caller, user_id: str, key: str) -> bool:
    """Whether the key has begun something for that user of the caller's. Raises Forbidden."""
    whose = caller.whom(user_id) or ANONYMOUS
    return owned(IdempotencyKey.objects.all(), caller).filter(key=key, owner__external_id=whose).exists()


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
        raise Invalid(fields={"cursor": [WRONG_CURSOR]}) from error


# Where a session has branches, only the current path counts: walked from its head for each message that was found.
SAID_ON_THE_PATH = """
SELECT m.session_id FROM chat_message m JOIN chat_session s ON s.id = m.session_id
WHERE to_tsvector('simple', coalesce(m.text, '')) @@ to_tsquery('simple', %s)
  AND (NOT s.branched OR EXISTS (
    WITH RECURSIVE path AS (
        SELECT h.id, h.parent_id, h.depth FROM chat_message h WHERE h.id = s.head_id
        UNION ALL
        SELECT up.id, up.parent_id, up.depth FROM path p JOIN chat_message up ON up.id = p.parent_id WHERE p.depth > m.depth
    ) SELECT 1 FROM path WHERE path.id = m.id
  ))
"""


def search(sessions: QuerySet[Session], words: str) -> QuerySet[Session]:
    """Those whose title or one of the current path's messages holds every word, the last one as a prefix."""
    terms = re.findall(r"\w+", words)
    if not terms:
        return sessions
    query = " & ".join([*terms[:-1], f"{terms[-1]}:*"])
    titled = Session.objects.annotate(words=SearchVector("title", config="simple")).filter(
        words=SearchQuery(query, search_type="raw", config="simple")
    )
    said = RawSQL(SAID_ON_THE_PATH, [query])  # noqa: S611  # a constant, with its parameter  # nosec B611
    return sessions.filter(Q(id__in=titled.values("id")) | Q(id__in=said))


# --- messages ---------------------------------------------------------------------------------------------------------


def path(session: Session, *, depth: int = 0, limit: int | None = None) -> list[Entry]:
    """The current path's messages, oldest first, from `depth` on, with their turns as of the same moment.

    A user's message stands with the turn whose reply follows it here, of several.
    """
    with connection.cursor() as cursor:
        cursor.execute(PATH, {"session": session.id, "depth": depth, "limit": limit})
        entries = [_entry(row) for row in cursor.fetchall()]
    for number, after in enumerate(entries[1:]):
        if after.role == "assistant":
            entries[number] = replace(entries[number], turn=after.turn, status=after.status)
    return entries


def everything(session: Session, *, after: tuple[int, UUID] = FIRST, limit: int | None = None) -> list[Entry]:
    """The messages of all branches, parents before children, those behind `after` (a depth and an id)."""
    with connection.cursor() as cursor:
        cursor.execute(EVERYTHING, {"session": session.id, "depth": after[0], "after": after[1], "limit": limit})
        return [_entry(row) for row in cursor.fetchall()]


def cursor_behind(entry: Entry) -> str:
    """The cursor of the page that follows a message."""
    return f"{entry.depth}.{entry.id.hex}"


def behind(cursor: str) -> tuple[int, UUID]:
    """Where a page begins: behind this depth and id. Raises Invalid for a cursor that is none of ours."""
    found = re.fullmatch(r"([0-9]{1,9})\.([0-9a-f]{32})", cursor)
    if cursor and not found:
        raise Invalid(fields={"cursor": [WRONG_CURSOR]})
    return (int(found[1]), UUID(hex=found[2])) if found else FIRST


def _entry(row: tuple[Any, ...]) -> Entry:
    entry = Entry(*row)
    return entry if entry.role == "assistant" else replace(entry, persona=None, brain=None)


def running(entries: list[Entry]) -> tuple[Turn, str] | None:
    """The turn that runs in answer to one of these, if one does, with its text as of the last checkpoint."""
    for entry in reversed(entries):
        if entry.turn is not None and entry.status == "running":
            said = Piece.objects.filter(turn=entry.turn).order_by("start").values_list("text", flat=True)
            # Text first: a turn that ends in between is seen as ended.
            text = "".join(said)
            found = Turn.objects.filter(id=entry.turn, status="running").first()
            return (found, text) if found else None
    return None


def turn(caller: Caller, turn_id: str) -> Turn:
    """One turn. Raises NotFound."""
    found = owned(Turn.objects.filter(id=inside("turn", turn_id)), caller).first()
    if found is None:
        raise NotFound("There is no such turn.")
    return found


def message(caller: Caller, message_id: str) -> Message:
    """One message. Raises NotFound."""
    found = owned(Message.objects.filter(id=inside("msg", message_id)), caller).first()
    if found is None:
        raise NotFound("There is no such message.")
    return found


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


def detail(session: Session) -> dict[str, Any]:
    """A session as it is shown by itself, without its messages."""
    head = session.head_id and outside("msg", session.head_id)
    return {**summary(session), "brain": session.brain or None, "metadata": session.metadata, "head": head}
