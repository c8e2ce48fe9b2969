"""What an owner wants of the memory: pause, consent, and to have things forgotten. Sync; each call is one transaction.

Locks are taken in one order: the watermark (no turn is taken in meanwhile), messages, the census, lessons, the profile, facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from chat.models import Message, Status, Turn
from identity.models import Owner
from memory import facts, indexing, statements
from memory.finding import FIRST, memorable
from memory.models import (
    HEALTH_KINDS,
    Census,
    Fact,
    Lesson,
    Omission,
    Passage,
    Profile,
    Summary,
    Tombstone,
    Watermark,
)
from memory.topics import Topic, dictionary_in_use, terms_of, topic_of
from problems import ConsentRequired, MemoryPaused

BATCH = 500
"""Texts that are read at a time."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many facts, closed ones too, are gone, and how many messages are recalled no more."""

    facts: int
    messages: int


def of(owner: int) -> Profile:
    """An owner's profile, made where there is none."""
    return Profile.objects.get_or_create(owner_id=owner)[0]


def writable(owner: int, kind: str = "") -> Profile:
    """The profile, held until the transaction's end, of an owner to whose memory something of this kind is to be written.

    Raises MemoryPaused and ConsentRequired.
    """
    profile = _held(owner)
    if profile.paused:
        raise MemoryPaused
    if kind in HEALTH_KINDS and not profile.health:
        raise ConsentRequired
    return profile


@transaction.atomic
def pause(owner: int) -> Profile:
    """From now on nothing is written and nothing recalled; what is there stays."""
    profile = _held(owner)
    profile.paused = True
    profile.save(update_fields=["paused"])
    return profile


@transaction.atomic
def resume(owner: int) -> Profile:
    """End a pause. What was said in it is not learned afterwards either: turns that were not found yet are left out."""
    mark = hold_finding()
    profile = _held(owner)
    if profile.paused:
        _leave_out(owner, mark)
        profile.paused = False
        profile.save(update_fields=["paused"])
    return profile


@transaction.atomic
def consent(owner: int, health: bool) -> Profile:
    """Give consent to facts about the owner's health, or withdraw it, with which these facts go."""
    profile = _held(owner)
    profile.health = health
    profile.save(update_fields=["health"])
    if not health:
        # Without tombstones: who consents again may say the same words again. One by one, for what each had closed.
        for fact in Fact.objects.filter(owner=owner).order_by("-valid_from", "-id"):
            if facts.is_of_health(fact):
                fact.delete()
    return profile


def forget_topic(owner: Owner, topic: str) -> Forgotten:
    """Forget what an owner said about something: facts, and messages in the index, those too that are not in it yet.

    The messages stay in their sessions; summaries that speak of it go, and are made anew without them. Raises Invalid for a
    topic without a word that says something.
    """
    dictionary = dictionary_in_use(owner.pk, indexing.dictionary_of(owner.language))
    meant = topic_of(topic, dictionary)
    messages: set[UUID] = set()
    while True:  # messages are locked before facts: a fact that was drawn between two looks may add its own
        with transaction.atomic():
            mark = hold_finding()
            messages |= {fact.message_id for fact in _facts_about(owner.pk, meant, dictionary) if fact.message_id}
            messages |= {*_passages_about(owner.pk, meant), *_waiting_about(owner.pk, mark, meant, dictionary)}
            held = _hold(owner.pk, messages)
            _hold_drawing(owner.pk)
            about = list(_facts_about(owner.pk, meant, dictionary))
            if all(fact.message_id is None or fact.message_id in messages for fact in about):
                _drop_summaries_about(owner.pk, meant, dictionary)
                return _forgotten(owner, about, held)


@transaction.atomic
def forget_all(owner: Owner) -> Forgotten:
    """Forget all that was learned of an owner until now: facts, summaries, the index. Sessions stay, and so does the consent."""
    mark = hold_finding()
    indexed = Passage.objects.filter(owner=owner).values_list("message_id", flat=True)
    messages = len(_hold(owner.pk, indexed))
    indexing.forget(owner.pk)
    profile = _hold_drawing(owner.pk)
    profile.forgotten_at = timezone.now()
    profile.save(update_fields=["forgotten_at"])
    gone, _ = Fact.objects.filter(owner=owner).delete()
    for kept in (Summary, Tombstone, Omission):
        kept.objects.filter(owner=owner).delete()
    Lesson.objects.filter(owner=owner).update(drawn=True)
    _leave_out(owner.pk, mark)
    return Forgotten(gone, messages)


def hold_finding() -> Watermark:
    """Keep turns from being taken in until the transaction's end."""
    return Watermark.objects.select_for_update().get_or_create(id=1, defaults={"at": FIRST})[0]


def _forgotten(owner: Owner, about: Iterable[Fact], messages: Sequence[UUID]) -> Forgotten:
    known = Omission.objects.filter(message__in=messages).count()
    Omission.objects.bulk_create((Omission(message_id=id_, owner=owner) for id_ in messages), ignore_conflicts=True)
    Passage.objects.filter(message__in=messages, owner=owner).delete()
    gone = facts.delete(Fact.objects.filter(id__in=[fact.id for fact in about], owner=owner))
    return Forgotten(gone, len(messages) - known)


def _hold_drawing(owner: int) -> Profile:
    """Keep facts from being drawn or written until the transaction's end. Drawing locks in the same order."""
    list(Lesson.objects.select_for_update().filter(owner=owner, drawn=False).order_by("turn").values_list("turn"))
    return _held(owner)


def _held(owner: int) -> Profile:
    return Profile.objects.select_for_update().get_or_create(owner_id=owner)[0]


def _hold(owner: int, messages: Iterable[UUID]) -> list[UUID]:
    """Lock messages and then their owner's census, as indexing does; those messages that are still there."""
    with connection.cursor() as cursor:
        cursor.execute(statements.HOLD, {"owner": owner, "messages": list(messages)})
        held = [id_ for id_, _ in cursor.fetchall()]
    Census.objects.select_for_update(no_key=True).filter(owner=owner).first()
    return held


def _leave_out(owner: int, mark: Watermark) -> None:
    """The owner's turns that were not found yet, and those that run, are learned from no more."""
    unfound = ~Exists(Lesson.objects.filter(turn=OuterRef("pk")))
    turns = list(Turn.objects.filter(unfound, owner=owner, created_at__gte=mark.at))
    said = [id_ for turn in turns for id_ in (turn.user_message_id, turn.reply_id) if id_]
    Omission.objects.bulk_create((Omission(message_id=id_, owner_id=owner) for id_ in said), ignore_conflicts=True)
    Lesson.objects.bulk_create((Lesson(turn=turn, owner_id=owner, drawn=True) for turn in turns), ignore_conflicts=True)


def _facts_about(owner: int, topic: Topic, dictionary: str) -> Iterator[Fact]:
    known = list(Fact.objects.filter(owner=owner).order_by("id"))
    terms = terms_of([f"{fact.text} {fact.quote} {fact.slot}" for fact in known], dictionary)
    return (fact for fact, said in zip(known, terms, strict=True) if topic.is_said(said, fact.kind))


def _drop_summaries_about(owner: int, topic: Topic, dictionary: str) -> None:
    known = list(Summary.objects.filter(owner=owner))
    terms = terms_of([summary.text for summary in known], dictionary)
    about = [summary.id for summary, said in zip(known, terms, strict=True) if topic.is_said(said)]
    Summary.objects.filter(id__in=about).delete()


def _passages_about(owner: int, topic: Topic) -> QuerySet[Passage, UUID]:
    found = Passage.objects.filter(owner=owner)
    for aspect in topic.aspects:
        found = found.filter(terms__overlap=sorted(aspect.terms))
    return found.values_list("message_id", flat=True)


def _waiting_about(owner: int, mark: Watermark, topic: Topic, dictionary: str) -> Iterator[UUID]:
    """Messages that are not in the index yet, because their turn has just ended, or runs."""
    new = ~Exists(Passage.objects.filter(message=OuterRef("pk")))
    ended = memorable(owner).filter(new, created_at__gte=mark.at)
    running = Message.objects.filter(
        id__in=Turn.objects.filter(owner=owner, status=Status.RUNNING).values("user_message")
    )
    rows = [*ended.values_list("id", "text"), *running.values_list("id", "text")]
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        terms = terms_of([text for _, text in batch], dictionary)
        yield from (id_ for (id_, _), said in zip(batch, terms, strict=True) if topic.is_said(said))
