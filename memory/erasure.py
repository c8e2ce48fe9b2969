"""What goes: a user with all that is kept of them, and what nobody has touched for longer than it is to be kept. Sync."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session as Login
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from chat import changes
from chat.models import Session, Status, Turn
from identity.models import Owner
from memory.models import Fact
from problems import NotFound

BATCH = 100
"""Sessions that are looked up at a time; each is deleted in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How many there were; `owners` that nothing was left of."""

    sessions: int
    facts: int
    owners: int


def erase(owner: Owner) -> Gone:
    """Delete a user and all that is theirs: sessions with messages and turns, facts, index, wishes. Turns that run end."""
    sessions = _delete_sessions_of(owner)
    with transaction.atomic():
        Owner.objects.select_for_update().filter(pk=owner.pk).first()  # from here on no session of theirs can begin
        sessions += _delete_sessions_of(owner)
        facts = Fact.objects.filter(owner=owner).count()
        Owner.objects.filter(pk=owner.pk).delete()  # the memory's rows go with it, by the database
    return Gone(sessions, facts, 1)


def expire(before: datetime) -> Gone:
    """Delete what was last touched before that time: sessions, facts, owners of whom nothing is left; and logins that ended."""
    running = Turn.objects.filter(session=OuterRef("pk"), status=Status.RUNNING)
    old = Session.objects.filter(updated_at__lt=before).exclude(Exists(running)).order_by("updated_at")
    sessions = 0
    while found := list(old.values_list("pk", flat=True)[:BATCH]):
        for key in found:
            sessions += _delete(Session(pk=key))
    facts, _ = Fact.objects.filter(updated_at__lt=before).delete()
    empty = Owner.objects.filter(created_at__lt=before)
    empty = empty.exclude(Exists(Session.objects.filter(owner=OuterRef("pk"))))
    empty = empty.exclude(Exists(Fact.objects.filter(owner=OuterRef("pk"))))
    owners = 0
    for owner in empty:
        owners += erase(owner).owners
    Login.objects.filter(expire_date__lt=timezone.now()).delete()
    return Gone(sessions, facts, owners)


def _delete_sessions_of(owner: Owner) -> int:
    count = 0
    while found := list(Session.objects.filter(owner=owner)[:BATCH]):
        for session in found:
            count += _delete(session)
    return count


def _delete(session: Session) -> int:
    try:
        changes.delete(session)
    except NotFound:  # somebody else was faster
        return 0
    return 1
