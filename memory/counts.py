"""How much is remembered, and what waits to be: for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from chat.models import Status, Turn
from memory.finding import FIRST
from memory.models import Fact, Kind, Lesson, Omission, Passage, Posting, Profile, Summary, Tombstone, Watermark


@dataclass(frozen=True, slots=True)
class Waiting:
    """Finished turns that are yet to be found, and found ones from which facts are yet to be drawn."""

    found_until: datetime | None
    turns: int
    lessons: int


def rows() -> list[tuple[str, int]]:
    """What is kept, of all owners together."""
    profiles = Profile.objects.aggregate(
        all=Count("pk"), paused=Count("pk", filter=Q(paused=True)), health=Count("pk", filter=Q(health=True))
    )
    return [
        ("profiles", profiles["all"]),
        ("  paused", profiles["paused"]),
        ("  with consent to health facts", profiles["health"]),
        ("passages", Passage.objects.count()),
        ("postings", Posting.objects.count()),
        ("summaries", Summary.objects.count()),
        ("omissions", Omission.objects.count()),
        ("tombstones", Tombstone.objects.count()),
    ]


def facts() -> list[tuple[str, int, int]]:
    """Kinds with their live and their closed facts."""
    counted = {
        row["kind"]: row
        for row in Fact.objects.values("kind").annotate(
            live=Count("id", filter=Q(valid_to=None)), closed=Count("id", filter=Q(valid_to__isnull=False))
        )
    }
    nothing = {"live": 0, "closed": 0}
    found = [(kind, counted.get(kind, nothing)) for kind in Kind.values]
    return [(kind, row["live"], row["closed"]) for kind, row in found]


def waiting() -> Waiting:
    """How far finding and drawing are."""
    mark = Watermark.objects.filter(id=1).first()
    finished = Turn.objects.filter(created_at__gte=mark.at if mark else FIRST).exclude(status=Status.RUNNING)
    turns = finished.filter(~Exists(Lesson.objects.filter(turn=OuterRef("pk")))).count()
    return Waiting(mark.at if mark else None, turns, Lesson.objects.filter(drawn=False).count())
