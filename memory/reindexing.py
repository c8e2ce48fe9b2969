"""The recall index of an owner, made anew from what may be remembered: after a change of language, or of the index itself."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q, QuerySet

from chat.models import Message, Status, Turn
from chat.prompts import FORGOTTEN
from identity.models import Owner
from memory import indexing
from memory.finding import memorable, sayings
from memory.models import Lesson, Profile
from memory.profiles import hold_finding

BATCH = 500
"""Messages of one transaction."""


def reindex(owner: Owner) -> Iterator[int]:
    """Drop what the index holds of an owner and take all of it in again; tells how many messages are in, batch by batch.

    What was said in a pause, or forgotten, stays out. Until the end less is recalled, and never what was forgotten meanwhile.
    """
    indexing.forget(owner.pk)
    last: Message | None = None
    taken = 0
    while True:
        with transaction.atomic():
            hold_finding()
            batch = list(_behind(memorable(owner.pk), last)[:BATCH])
            if not batch:
                return
            Profile.objects.get_or_create(owner=owner)
            taken += indexing.index(owner.pk, sayings(owner, batch), owner.language)
        last = batch[-1]
        yield taken


def relearn(owner: Owner) -> int:
    """Have facts drawn again from all of an owner's turns; from how many."""
    with transaction.atomic():
        hold_finding()
        held = Turn.objects.filter(owner=owner).exclude(status__in=[Status.RUNNING, *FORGOTTEN])
        turns = list(held.filter(user_message__in=memorable(owner.pk).order_by()).values_list("id", flat=True))
        Lesson.objects.bulk_create(
            (Lesson(turn_id=turn, owner=owner, drawn=False) for turn in turns),
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["turn"],
            update_fields=["drawn"],
        )
    return len(turns)


def _behind(messages: QuerySet[Message], last: Message | None) -> QuerySet[Message]:
    if last is None:
        return messages
    return messages.filter(Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, id__gt=last.id))
