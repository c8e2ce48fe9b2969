"""What a person may mean by a topic, in words that an owner used: stems, kinds of things, kinds of facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from memory.analysis import spoken
from memory.kinds import kinds
from memory.models import Census, Kind
from problems import Invalid

MOST_WORDS = 20
"""Words of a topic that are looked at."""

# Fact kinds by the words that people have for them. Who says health means all that needs the consent.
NAMES: dict[str, tuple[Kind, ...]] = {
    "injury": (Kind.INJURY,),
    "skade": (Kind.INJURY,),
    "goal": (Kind.GOAL,),
    "mål": (Kind.GOAL,),
    "preference": (Kind.PREFERENCE,),
    "preferanse": (Kind.PREFERENCE,),
    "record": (Kind.RECORD,),
    "rekord": (Kind.RECORD,),
    "schedule": (Kind.SCHEDULE,),
    "timeplan": (Kind.SCHEDULE,),
    "health": (Kind.HEALTH, Kind.INJURY),
    "helse": (Kind.HEALTH, Kind.INJURY),
    "person": (Kind.PERSON,),
}

LEXIZE = """
SELECT word, coalesce(ts_lexize(%(dictionary)s::regdictionary, word), ARRAY[word]) FROM unnest(%(words)s::text[]) AS word
"""


@dataclass(frozen=True, slots=True)
class Aspect:
    """What one word of a topic stands for: terms of the index, any of which says it, and kinds of facts."""

    terms: frozenset[str]
    kinds: frozenset[str]

    def is_said(self, terms: frozenset[str], kind: str = "") -> bool:
        """Whether a text with these terms, or a fact that has them and this kind, is of it."""
        return kind in self.kinds or not self.terms.isdisjoint(terms)


@dataclass(frozen=True, slots=True)
class Topic:
    """All of its aspects together; at least one."""

    aspects: tuple[Aspect, ...]

    def is_said(self, terms: frozenset[str], kind: str = "") -> bool:
        """Whether every aspect is."""
        return all(aspect.is_said(terms, kind) for aspect in self.aspects)


def topic_of(text: str, dictionary: str) -> Topic:
    """A topic, its words stemmed by one of PostgreSQL's dictionaries. Raises Invalid for words that name nothing.

    "kitten" means kittens. "pets" names a kind of things (memory/concepts.txt), so that it means kittens too.
    """
    said = list(dict.fromkeys(spoken(text)))[:MOST_WORDS]
    concepts = {kind for word in said for kind in kinds(word)}
    stems = stems_of([*said, *concepts, *NAMES], dictionary)
    aspects = []
    for word in said:
        if stems[word]:
            named = {f"#{kind}" for kind in kinds(word) if stems[kind] == stems[word]}
            facts = {kind for name, meant in NAMES.items() if stems[name] == stems[word] for kind in meant}
            aspects.append(Aspect(frozenset(named.union(stems[word])), frozenset(facts)))
    if not aspects:
        raise Invalid(fields={"topic": ["Name it by a word that says what it is about."]})
    return Topic(tuple(aspects))


def terms_of(texts: Sequence[str], dictionary: str) -> list[frozenset[str]]:
    """The terms of each text, without its dates: stems and kinds of things."""
    said = [set(spoken(text)) for text in texts]
    stems = stems_of({word for one in said for word in one}, dictionary)
    return [
        frozenset(term for word in one for term in (*stems[word], *(f"#{kind}" for kind in kinds(word))))
        for one in said
    ]


def stems_of(said: Iterable[str], dictionary: str) -> dict[str, tuple[str, ...]]:
    """Each word's stems, as the index has them; none for a word that says nothing (the, is)."""
    with connection.cursor() as cursor:
        cursor.execute(LEXIZE, {"dictionary": dictionary, "words": list(said)})
        return {word: tuple(stems) for word, stems in cursor.fetchall()}


def dictionary_in_use(owner: int, otherwise: str) -> str:
    """That by which an owner's index is stemmed; another one where there is no index."""
    return Census.objects.filter(owner=owner).values_list("dictionary", flat=True).first() or otherwise
