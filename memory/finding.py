"""Finished turns, found once each by a watermark, whoever ran them: nothing is lost with a process that told nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from chat.models import Message, Role, Status, Turn
from chat.prompts import FORGOTTEN
from identity.callers import ANONYMOUS
from identity.models import Owner
from memory import indexing, summaries
from memory.models import Lesson, Omission, Profile, Watermark

SLACK = timedelta(seconds=60)
"""For turns that are stored at this moment, under a time that has just passed."""

FIRST = datetime(2000, 1, 1, tzinfo=UTC)


def memorable(owner: int) -> QuerySet[Message]:
    """An owner's messages that may be remembered, oldest first.

    Not those of temporary sessions, of a pause, from before all was forgotten, nor of turns that no prompt holds; none of those
    who gave no id, for they are many.
    """
    held = Turn.objects.exclude(status__in=[Status.RUNNING, *FORGOTTEN])
    asked = Q(role=Role.USER) & Q(Exists(held.filter(user_message=OuterRef("pk"))))
    replied = Q(role=Role.ASSISTANT) & Q(Exists(held.filter(reply=OuterRef("pk"))))
    forgotten = Profile.objects.filter(owner=OuterRef("owner"), forgotten_at__gte=OuterRef("created_at"))
    return (
        Message.objects.filter(asked | replied, owner=owner)
        .exclude(owner__external_id=ANONYMOUS)
        .exclude(session__metadata__contains={"temporary": True})
        .exclude(Exists(Omission.objects.filter(message=OuterRef("pk"))))
        .exclude(Exists(forgotten))
        .order_by("created_at", "depth", "id")
    )


def sayings(owner: Owner, messages: Iterable[Message]) -> list[indexing.Said]:
    """Messages as the index takes them in, dated in their owner's time zone."""
    zone = ZoneInfo(owner.time_zone or "UTC")
    return [
        indexing.Said(message.id, message.session_id, message.text, message.created_at.astimezone(zone))
        for message in messages
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """How many turns, and the sessions whose summary is due."""

    turns: int
    sessions: tuple[UUID, ...]


@transaction.atomic
def find(most: int) -> Found:
    """Take in the next finished turns: index what may be remembered, and note that facts may be drawn from it."""
    mark, _ = Watermark.objects.select_for_update().get_or_create(id=1, defaults={"at": FIRST})
    finished = _unseen(mark).exclude(status=Status.RUNNING).select_related("reply", "session")
    turns = list(finished.order_by("created_at")[:most])
    owners = Owner.objects.in_bulk({turn.owner_id for turn in turns})
    paused = _paused(owners)
    silent = [turn for turn in turns if turn.owner_id in paused or turn.session.metadata.get("temporary") is True]
    heard = [turn for turn in turns if turn not in silent and owners[turn.owner_id].external_id != ANONYMOUS]
    _omit(silent)
    Lesson.objects.bulk_create(Lesson(turn=turn, owner_id=turn.owner_id, drawn=turn not in heard) for turn in turns)
    for owner in owners.values():
        _index(owner, [turn for turn in heard if turn.owner_id == owner.id])
    _advance(mark)
    due = dict.fromkeys(turn.session_id for turn in turns if summaries.is_due(turn))
    return Found(len(turns), tuple(due))


def waiting(most: int = 1000) -> list[int]:
    """Owners from whose turns facts are to be drawn; those who have paused wait until they go on."""
    paused = Profile.objects.filter(owner=OuterRef("owner"), paused=True)
    lessons = Lesson.objects.filter(~Exists(paused), drawn=False)
    return list(lessons.values_list("owner", flat=True).distinct()[:most])


def _paused(owners: Iterable[int]) -> set[int]:
    return set(Profile.objects.filter(owner__in=owners, paused=True).values_list("owner_id", flat=True))


def _unseen(mark: Watermark) -> QuerySet[Turn]:
    return Turn.objects.filter(~Exists(Lesson.objects.filter(turn=OuterRef("pk"))), created_at__gte=mark.at)


def _omit(turns: Sequence[Turn]) -> None:
    """What is said in a pause, or in a temporary session, is not learned later either."""
    said = [(id_, turn.owner_id) for turn in turns for id_ in (turn.user_message_id, turn.reply_id) if id_]
    Omission.objects.bulk_create(
        (Omission(message_id=message, owner_id=owner) for message, owner in said), ignore_conflicts=True
    )


def _index(owner: Owner, turns: Sequence[Turn]) -> None:
    ids = {id_ for turn in turns for id_ in (turn.user_message_id, turn.reply_id) if id_}
    said = sayings(owner, memorable(owner.id).filter(id__in=ids))
    if said:
        Profile.objects.get_or_create(owner=owner)
        indexing.index(owner.id, said, owner.language)


def _advance(mark: Watermark) -> None:
    """Up to the oldest turn that still runs or waits; what lies before needs no mark of its own."""
    waiting = Turn.objects.filter(created_at__gte=mark.at).filter(
        Q(status=Status.RUNNING) | ~Exists(Lesson.objects.filter(turn=OuterRef("pk")))
    )
    oldest = waiting.aggregate(at=Min("created_at"))["at"]
    latest = datetime.now(UTC) - SLACK
    at = min(oldest, latest) if oldest else latest
    if at > mark.at:
        Watermark.objects.filter(id=mark.id).update(at=at)
        Lesson.objects.filter(drawn=True, turn__created_at__lt=at).delete()
