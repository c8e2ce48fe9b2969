"""Turns as chat leaves them, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chat.models import Message, Role, Session, Status, Turn
from identity.models import Owner

NOW = datetime.now(UTC)


def session_of(owner: Owner, **metadata: Any) -> Session:
    return Session.objects.create(owner=owner, persona_id="calm_coach", metadata=metadata)


def turn_in(
    session: Session,
    said: str,
    replied: str = "Good to know.",
    *,
    status: Status = Status.COMPLETE,
    at: datetime | None = None,
    manifest: dict[str, Any] | None = None,
) -> Turn:
    """A turn at the session's head, which moves."""
    at = at or datetime.now(UTC)
    before = session.head
    depth, offset = (before.depth + 1, before.offset + len(before.text)) if before else (0, 0)
    common = {"session": session, "owner": session.owner}
    asked = Message.objects.create(**common, parent=before, role=Role.USER, text=said, depth=depth, offset=offset)
    over = status != Status.RUNNING
    turn = Turn.objects.create(
        **common,
        user_message=asked,
        status=status,
        persona="calm_coach",
        persona_version=1,
        brain="config",
        finished_at=at + timedelta(seconds=5) if over else None,
        manifest=manifest or {},
    )
    if over and replied:
        turn.reply = Message.objects.create(
            **common,
            id=turn.id,
            parent=asked,
            role=Role.ASSISTANT,
            text=replied,
            depth=depth + 1,
            offset=offset + len(said),
        )
        turn.save()
    session.head = turn.reply or asked
    session.save()
    Turn.objects.filter(id=turn.id).update(created_at=at)
    Message.objects.filter(id__in=[asked.id, turn.id]).update(created_at=at)
    return turn


def end(turn: Turn, replied: str = "Good to know.") -> None:
    """A running turn ends."""
    asked = turn.user_message
    Message.objects.create(
        id=turn.id,
        session=turn.session,
        owner=turn.owner,
        parent=asked,
        role=Role.ASSISTANT,
        text=replied,
        depth=asked.depth + 1,
        offset=asked.offset + len(asked.text),
    )
    Turn.objects.filter(id=turn.id).update(reply=turn.id, status=Status.COMPLETE, finished_at=NOW)
