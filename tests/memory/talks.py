"""Whole sessions of finished turns, and facts drawn from what was said there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from chat.models import Message, Status
from identity.models import Owner
from memory.models import Fact
from tests.memory.turns import session_of, turn_in


def talk(
    owner: Owner, *said: tuple[str, str], at: str = "2026-05-20", status: Status = Status.COMPLETE, **metadata: Any
) -> list[Message]:
    """A session: what the user said and what the coach replied, each pair a turn. A running turn has no reply."""
    session = session_of(owner, **metadata)
    when = datetime.fromisoformat(at).replace(tzinfo=UTC)
    for question, answer in said:
        turn_in(session, question, answer, status=status, at=when)
    return list(Message.objects.filter(session=session).order_by("depth"))


def fact(owner: Owner, text: str, message: Message | None = None, **fields: Any) -> Fact:
    """A fact; of a message it is a quote of the whole."""
    given = {"kind": "other", "origin": "extracted", "valid_from": date(2026, 5, 20), **fields}
    return Fact.objects.create(owner=owner, text=text, quote=message.text if message else "", message=message, **given)
