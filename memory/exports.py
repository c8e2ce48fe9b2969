"""All that is kept of an owner, as one JSON text, made and sent piece by piece."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from chat import sessions
from chat.ids import outside
from chat.models import Session
from chat.serializers import message
from identity import walls
from identity.callers import Caller
from identity.models import Owner
from memory import reading, serializers
from memory.models import Fact, Profile, Summary

FORMAT = "coach-memory-1"

PAGE = 200
"""Rows that are read at a time."""

CHUNK = 65_536
"""Characters that are sent at a time, about."""

Row = TypeVar("Row", Fact, Session)


def parts(owner: Owner | None) -> Iterator[str]:
    """The text in pieces of a few rows; of nobody an export with nothing in it.

    `{format, exported_at, user_id, language, time_zone, profile, facts: […], sessions: [{…, summaries, messages: […]}]}`.
    """
    profile = Profile.objects.filter(owner=owner).first() if owner else None
    head = {
        "format": FORMAT,
        "exported_at": timezone.now(),
        "user_id": owner and owner.external_id,
        "language": owner and owner.language,
        "time_zone": owner and owner.time_zone,
        "profile": serializers.profile(profile),
    }
    yield _json(head).removesuffix("}")
    yield ', "facts": ['
    yield from _joined(_json(serializers.fact(fact)) for fact in _facts(owner))
    yield '], "sessions": ['
    for number, session in enumerate(_sessions(owner)):
        yield ",\n" if number else "\n"
        yield from _session(session)
    yield "]}\n"


async def in_time(pieces: Iterator[str], caller: Caller) -> AsyncIterator[bytes]:
    """The same for the event loop, which must not wait for the database: in larger pieces, each made in the request's thread."""
    chunks = _gathered(pieces)
    while chunk := await sync_to_async(_next)(chunks, caller):
        yield chunk


def _next(chunks: Iterator[bytes], caller: Caller) -> bytes:
    with walls.behind(caller):
        return next(chunks, b"")


def _gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    waiting, size = list[str](), 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()


def _facts(owner: Owner | None) -> Iterator[Fact]:
    if owner:
        found = reading.with_sources(Fact.objects.filter(owner=owner)).order_by("id")
        yield from _paged(lambda last: found.filter(id__gt=last)[:PAGE])


def _sessions(owner: Owner | None) -> Iterator[Session]:
    if owner:
        found = Session.objects.filter(owner=owner).select_related("owner", "head").defer("head__text").order_by("id")
        yield from _paged(lambda last: found.filter(id__gt=last)[:PAGE])


def _paged(read: Callable[[UUID], Iterable[Row]]) -> Iterator[Row]:
    last = UUID(int=0)
    while rows := list(read(last)):
        yield from rows
        last = rows[-1].id


def _session(session: Session) -> Iterator[str]:
    made = Summary.objects.filter(session=session).order_by("chars").values("text", "created_at", "message")
    told = [{**one, "message": outside("msg", one["message"])} for one in made]
    yield _json({**sessions.detail(session), "summaries": told}).removesuffix("}")
    yield ', "messages": ['
    yield from _joined(_json(message(entry)) for entry in _entries(session))
    yield "]}"


def _entries(session: Session) -> Iterator[sessions.Entry]:
    after = sessions.FIRST
    while entries := sessions.everything(session, after=after, limit=PAGE):
        yield from entries
        after = (entries[-1].depth, entries[-1].id)


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    for number, piece in enumerate(pieces):
        yield ("," if number else "") + "\n" + piece


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False)
