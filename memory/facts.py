"""Facts: kept, closed by what contradicts them, corrected, deleted. Sync; each call is one transaction, and waits for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When

from chat.models import Message
from memory import rules, tombstones
from memory.analysis import spoken
from memory.models import HEALTH_KINDS, Fact, Kind, Origin, Profile

KIND_ORDER = Case(*(When(kind=kind, then=Value(place)) for place, kind in enumerate(Kind.values)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may become a fact. `quote` is from `message`, to the letter; both are absent where the user wrote the fact itself."""

    kind: str
    slot: str
    text: str
    quote: str
    message: UUID | None
    origin: str
    confidence: float
    valid_from: date


def live(owner: int) -> QuerySet[Fact]:
    """An owner's facts that hold now: pinned ones first, then by kind and age."""
    return Fact.objects.filter(owner=owner, valid_to=None).order_by("-pinned", KIND_ORDER, "valid_from", "id")


@transaction.atomic
def keep(owner: int, candidates: Sequence[Candidate]) -> list[Fact]:
    """Keep what is new of these; those kept.

    Left out are what says something of the owner's health without their consent, what they deleted before, and what is known in
    the same words.
    Another fact in a slot closes the one there; one that is older than that is stored as closed by it.
    """
    profile = _locked(owner)
    sources = Message.objects.filter(owner=owner).in_bulk([one.message for one in candidates if one.message])
    kept = []
    for one in candidates:
        if not profile.health and is_of_health(one):
            continue
        message = sources.get(one.message) if one.message else None
        if one.origin == Origin.EXTRACTED:
            said = tombstones.around(message.text, one.quote) if message else ""
            if not said or tombstones.is_buried(owner, one.kind, one.slot, said):
                continue
        if not _is_known(owner, one):
            kept.append(_put(owner, one))
    return kept


@transaction.atomic
def correct(
    fact: Fact,
    *,
    text: str | None = None,
    kind: str | None = None,
    slot: str | None = None,
    valid_from: date | None = None,
    pinned: bool | None = None,
) -> Fact:
    """The user's own word on a fact. The words that it came from bring the earlier version back no more."""
    _locked(fact.owner_id)
    words_of_user = {"text": text, "kind": kind, "slot": slot, "valid_from": valid_from}
    changes: dict[str, object] = {
        name: value for name, value in words_of_user.items() if value is not None and value != getattr(fact, name)
    }
    if changes:
        if fact.origin == Origin.EXTRACTED:
            tombstones.bury(fact)
        changes["origin"] = Origin.USER
    if pinned is not None:
        changes["pinned"] = pinned
    for name, change in changes.items():
        setattr(fact, name, change)
    if "slot" in changes and fact.slot and fact.valid_to is None:
        held = Fact.objects.filter(owner=fact.owner_id, slot=fact.slot, valid_to=None).exclude(id=fact.id)
        held.update(valid_to=fact.valid_from, superseded_by=fact)
    fact.save()
    return fact


@transaction.atomic
def delete(facts: QuerySet[Fact]) -> int:
    """Delete facts, and what each had taken the place of, which is its history; how many."""
    going = {fact.id: fact for fact in facts.select_related("message")}
    for owner in sorted({fact.owner_id for fact in going.values()}):
        _locked(owner)
    going |= {fact.id: fact for fact in replaced(going, Fact.objects.select_related("message"))}
    for fact in going.values():
        tombstones.bury(fact)
    Fact.objects.filter(id__in=going).delete()
    return len(going)


def replaced(by: Collection[UUID], of: QuerySet[Fact]) -> list[Fact]:
    """What these facts took the place of, and what that had before, read from `of`; without themselves."""
    seen, newest = dict.fromkeys(by), set(by)
    found = list[Fact]()
    while newest:
        before = [fact for fact in of.filter(superseded_by__in=newest) if fact.id not in seen]
        newest = {fact.id for fact in before}
        seen |= dict.fromkeys(newest)
        found += before
    return found


def _locked(owner: int) -> Profile:
    Profile.objects.get_or_create(owner_id=owner)
    return Profile.objects.select_for_update().get(owner_id=owner)


def is_of_health(one: Candidate | Fact) -> bool:
    """Whether it tells of the owner's health: a goal may, too. What users write themselves is of the kind that they give it."""
    if one.kind in HEALTH_KINDS:
        return True
    return one.origin != Origin.USER and (rules.of_health(one.text) or rules.of_health(one.quote))


def _is_known(owner: int, one: Candidate) -> bool:
    """In the same words, numbers and all; or drawn before from the same place."""
    found = Fact.objects.filter(owner=owner, kind=one.kind, slot=one.slot)
    if one.message and found.filter(message=one.message, quote=one.quote).exists():
        return True
    alike = found.filter(valid_to=None).values_list("text", flat=True)
    return any(spoken(text) == spoken(one.text) for text in alike)


def _put(owner: int, one: Candidate) -> Fact:
    fact = Fact(
        owner_id=owner,
        kind=one.kind,
        slot=one.slot,
        text=one.text,
        quote=one.quote,
        message_id=one.message,
        origin=one.origin,
        confidence=one.confidence,
        valid_from=one.valid_from,
    )
    chain = list(Fact.objects.filter(owner=owner, slot=one.slot).order_by("valid_from", "id")) if one.slot else []
    after = next((other for other in chain if other.valid_from > one.valid_from), None)
    before = [other for other in chain if other.valid_from <= one.valid_from]
    if after:  # said later, of an earlier time
        fact.valid_to, fact.superseded_by = after.valid_from, after
    elif before:
        fact.pinned = before[-1].pinned
    if before:  # closed first: a slot has one live fact at any time
        Fact.objects.filter(id=before[-1].id).update(valid_to=one.valid_from)
    fact.save()
    if before:
        Fact.objects.filter(id=before[-1].id).update(superseded_by=fact)
    if not after and (beside := slots_beside(one.slot)):
        held = Fact.objects.filter(owner=owner, slot__in=beside, valid_to=None, valid_from__lte=one.valid_from)
        held.update(valid_to=one.valid_from, superseded_by=fact)
    return fact


def slots_beside(slot: str) -> tuple[str, ...]:
    """The slots that a fact of this one speaks of too: "my knee is fine" of both knees, "it is my left knee" of "my knee"."""
    kind, _, name = slot.partition(":")
    if kind != Kind.INJURY or not name:
        return ()
    for side in rules.sides():
        if name.startswith(f"{side}-"):
            return (f"{kind}:{name.removeprefix(f'{side}-')}",)
    return tuple(f"{kind}:{side}-{name}" for side in rules.sides())
