"""An owner's facts as a person reads them: whose, in pages, one with what it replaced. Sync, through the ORM."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from chat.ids import inside
from identity.callers import ANONYMOUS, Caller
from identity.models import Owner
from memory import facts
from memory.analysis import spoken
from memory.models import Fact
from problems import Invalid, NotFound

WRONG_CURSOR = "Take the cursor from `next` of the page before."

MOST_WORDS = 20


def owner(caller: Caller, user_id: str) -> Owner | None:
    """A caller's user, if one is known who can have a memory: those who gave no id have none."""
    if user_id in ("", ANONYMOUS):
        return None
    return Owner.objects.filter(app=caller.app, external_id=user_id).first()


def listed(whose: Owner, *, closed: bool = False, kind: str = "", query: str = "") -> QuerySet[Fact]:
    """An owner's facts, newest first; those that say each word of the query, as parts of words too."""
    found = Fact.objects.filter(owner=whose) if closed else facts.live(whose.pk)
    if kind:
        found = found.filter(kind=kind)
    for word in query.split()[:MOST_WORDS]:
        found = found.filter(Q(text__icontains=word) | Q(quote__icontains=word) | Q(slot__icontains=word))
    return with_sources(found).order_by("-id")


def page(found: QuerySet[Fact], cursor: str, limit: int) -> tuple[list[Fact], UUID | None]:
    """A page, and behind which fact the next one begins. Raises Invalid for a cursor that is none of ours."""
    if cursor:
        try:
            found = found.filter(id__lt=inside("fact", cursor))
        except NotFound as error:
            raise Invalid(fields={"cursor": [WRONG_CURSOR]}) from error
    rows = list(found[: limit + 1])
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def get(whose: Owner | None, fact_id: str, *, held: bool = False) -> Fact:
    """One fact with its source; `held`: locked until the transaction's end. Raises NotFound, for another owner's too."""
    wanted = inside("fact", fact_id)
    found = with_sources(Fact.objects.filter(owner=whose, id=wanted)) if whose else Fact.objects.none()
    fact = (found.select_for_update(of=("self",)) if held else found).first()
    if fact is None:
        raise NotFound("There is no such fact.")
    return fact


def saying(whose: Owner, kind: str, slot: str, text: str) -> Fact:
    """The live fact that says the same words, where there is one. Raises NotFound."""
    said = spoken(text)
    for fact in facts.live(whose.pk).filter(kind=kind, slot=slot):
        if spoken(fact.text) == said:
            return fact
    raise NotFound("There is no such fact.")


def before(fact: Fact) -> list[Fact]:
    """What a fact took the place of, and what that had, newest first."""
    closed = facts.replaced({fact.id}, with_sources(Fact.objects.filter(owner=fact.owner_id)))
    return sorted(closed, key=lambda one: (one.valid_from, one.id), reverse=True)


def with_sources(found: QuerySet[Fact]) -> QuerySet[Fact]:
    """The same, each with the message that it is from."""
    return found.select_related("message").defer("message__text")
