"""How long a recall takes one user who has said much. Needs Django and a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ParamSpec
from uuid import UUID

from django.db import connection

from benchmarks.memory_talk import Talk
from chat.models import Message, Role, Session
from identity.models import Owner
from memory import indexing, recall

P = ParamSpec("P")

APP = "memory-benchmarks"
NOW = datetime(2026, 6, 15, tzinfo=UTC)
QUESTIONS, WARMING = 400, 60
OF_A_SESSION = 40
"""Messages."""

ASKED_FOR = 10
"""Messages."""


def latencies(count: int) -> dict[str, list[float]]:
    """ms of look-ups of a message by its key, one right after the other, and of recalls, for a user with so many messages."""
    owner, keys = stored(count)
    looked_for = [keys[number * 997 % count] for number in range(QUESTIONS)]
    return {
        "look-up": [timed(look_up, key) for key in looked_for][WARMING:],
        "recall": [timed(recalled, owner, question) for question in Talk(5).questions(QUESTIONS)][WARMING:],
    }


def timed(what: Callable[P, object], *given: P.args, **named: P.kwargs) -> float:
    begun = time.perf_counter()
    what(*given, **named)
    return (time.perf_counter() - begun) * 1000


def recalled(owner: int, question: str) -> object:
    return recall.recall(owner, question, NOW, ASKED_FOR)


def look_up(key: UUID) -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM chat_message WHERE id = %s", [key])
        return cursor.fetchone()


def stored(count: int) -> tuple[int, list[UUID]]:
    """A user with so many messages, remembered; made where there is none. The owner's key, and the messages'."""
    owner, made = Owner.objects.get_or_create(app=APP, external_id=f"{count} messages", defaults={"language": "en"})
    if made:
        fill(owner.pk, count)
    return owner.pk, list(Message.objects.filter(owner=owner).order_by("id").values_list("id", flat=True))


def fill(owner: int, count: int) -> None:
    """Sessions of a user and a coach by turns, one a day. What the planner knows is made anew."""
    rows, begun = list[Message](), NOW - timedelta(days=count // OF_A_SESSION + 1)
    for number, (key, text) in enumerate(Talk().messages(count)):
        depth = number % OF_A_SESSION
        before = rows[-1] if depth else None
        session = (
            before.session if before else Session.objects.create(owner_id=owner, persona_id="default", metadata={})
        )
        place = (before, before.offset + len(before.text)) if before else (None, 0)
        role = Role.ASSISTANT if depth % 2 else Role.USER
        rows.append(
            Message(
                id=UUID(int=key.int ^ count), owner_id=owner, session=session, role=role, text=text, depth=depth,
                parent=place[0], offset=place[1],
            )
        )  # fmt: skip
    Message.objects.bulk_create(rows, batch_size=2000)
    indexing.index(
        owner,
        [
            indexing.Said(row.id, row.session_id, row.text, begun + timedelta(days=number // OF_A_SESSION))
            for number, row in enumerate(rows)
        ],
        "en",
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
