"""manage.py memory bench: the recall index over JSON lines, so that it can be scored as it is.

The operations are ingest, recall, forget and export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import transaction

from chat.models import Message, Role, Session
from identity.models import Owner
from memory import indexing, recall

APP = "memory-bench"
TIMES = ("%I:%M %p on %d %B, %Y", "%Y-%m-%d %H:%M", "%Y-%m-%d")


class Answers(Protocol):
    """Where answers are written."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


def serve(asked: TextIO, answers: Answers) -> None:
    """Answer each line of `asked`, an operation as a JSON object, with one line."""
    operations = {"ingest": ingest, "recall": recalled, "forget": forget, "export": export}
    for line in asked:
        if line.strip():
            operation = json.loads(line)
            answer = operations[operation["op"]](operation)
            answers.write(json.dumps(answer, ensure_ascii=False) + "\n")
            answers.flush()


def ingest(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Store sessions as chats of the user, and index them; what is there already stays as it is."""
    user = asked["user"]
    owner, _ = Owner.objects.get_or_create(
        app=APP, external_id=user, defaults={"language": asked.get("language", "en")}
    )
    talkers = {one.get("speaker", "") for session in asked["sessions"] for one in session["messages"]} - {""}
    for session in asked["sessions"]:
        at = _time(session.get("at", ""))
        with transaction.atomic():
            _store(owner, session, at)
        said = [
            indexing.Said(
                message=_id(user, one["id"]),
                session=_id(user, session["id"]),
                text=one["text"],
                at=at,
                speaker=one.get("speaker", ""),
            )
            for one in session["messages"]
        ]
        indexing.index(owner.id, said, owner.language, tuple(sorted(talkers)))
    return {"ok": True}


def recalled(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The messages that a query recalls, best first."""
    owner = Owner.objects.filter(app=APP, external_id=asked["user"]).first()
    if owner is None:
        return {"items": []}
    found = recall.recall(owner.id, asked["query"], asked_on=_time(asked.get("at", "")), most=asked.get("k", 50))
    names = _names(owner, {one.session for one in found})
    return {"items": [{"text": one.text, "source_ids": [names[one.message.hex]], "score": one.score} for one in found]}


def forget(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the user with all that is theirs."""
    owner = Owner.objects.filter(app=APP, external_id=asked["user"]).first()
    if owner is not None:
        indexing.forget(owner.id)
        Session.objects.filter(owner=owner).update(head=None)
        owner.delete()
    return {"ok": True}


def export(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every message of the user."""
    owner = Owner.objects.filter(app=APP, external_id=asked["user"]).first()
    if owner is None:
        return {"items": []}
    names = _names(owner)
    rows = Message.objects.filter(owner=owner).order_by("session", "depth").values_list("id", "text")
    return {"items": [{"text": text, "source_ids": [names[id_.hex]]} for id_, text in rows if id_.hex in names]}


def _store(owner: Owner, given: Mapping[str, Any], at: datetime) -> None:
    """A session as a chat, under ids that follow from those given. A chat begins with its user."""
    user, known = owner.external_id, {one["id"]: _id(owner.external_id, one["id"]) for one in given["messages"]}
    names = {id_.hex: name for name, id_ in known.items()}
    session, _ = Session.objects.get_or_create(
        id=_id(user, given["id"]), defaults={"owner": owner, "persona_id": "default", "metadata": {}}
    )
    session.metadata = {**session.metadata, **names}
    session.save(update_fields=["metadata"])
    parent = Message.objects.filter(session=session).order_by("-depth").first()
    there = set(Message.objects.filter(id__in=known.values()).values_list("id", flat=True))
    new = []
    for one in given["messages"]:
        if known[one["id"]] in there:
            continue
        there.add(known[one["id"]])
        if parent is None and one["role"] != Role.USER:
            parent = _message(session, None, _id(user, f"{given['id']} begins"), Role.USER, "…")
            new.append(parent)
        parent = _message(session, parent, known[one["id"]], one["role"], one["text"] or "…")
        new.append(parent)
    Message.objects.bulk_create(new)
    Message.objects.filter(id__in=[one.id for one in new]).update(created_at=at)


def _message(session: Session, parent: Message | None, id_: UUID, role: str, text: str) -> Message:
    place = (0, 0) if parent is None else (parent.depth + 1, parent.offset + len(parent.text))
    return Message(
        id=id_,
        session=session,
        owner_id=session.owner_id,
        parent=parent,
        role=role,
        text=text,
        depth=place[0],
        offset=place[1],
    )


def _names(owner: Owner, sessions: Collection[UUID] | None = None) -> dict[str, str]:
    """The ids that were given, by the hex of those that messages have; of some sessions, or of all."""
    known = Session.objects.filter(owner=owner)
    if sessions is not None:
        known = known.filter(id__in=sessions)
    return {key: name for data in known.values_list("metadata", flat=True) for key, name in data.items()}


def _id(user: str, given: str) -> UUID:
    return uuid5(NAMESPACE_OID, f"{APP}/{user}/{given}")


def _time(text: str) -> datetime:
    """The time of a session in one of the formats in use; now where there is none."""
    tidy = re.sub(r"\s+", " ", text.strip())
    for form in TIMES:
        try:
            return datetime.strptime(tidy, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return datetime.now(UTC)
