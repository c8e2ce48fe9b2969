"""A text as terms: what the index keeps of a message, and what a question looks for.

Terms are words, which the database stems, and marks, which stand for themselves: `#kind` (memory/concepts.txt) and `~date`
(memory.dates). Weights are in quarters of one occurrence. Traits are too frequent to be looked up, and only weigh on what was
found: who said it, whether it could answer "when", "how many" or "where", whether it asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntFlag
from functools import cache, lru_cache
from pathlib import Path

from memory.dates import Span, asked_marks, marks, spans, without_dates

ONCE, HALF = 4, 2
"""Weights, in quarters of an occurrence."""

MOST_WORDS = 4000
"""Words of a message that are indexed: what is pasted beyond that is not said."""

LONGEST_WORD = 40
"""Characters."""

MOST_TERMS = 64
"""Terms that a question looks for: its first."""

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
MARKS = ("#", "~")
ENDINGS = ("ings", "ing", "ene", "ers", "ies", "es", "ed", "er", "en", "et", "ne", "te", "s", "d", "r", "a", "n", "t")
NOUN_ENDINGS = ("er", "ers", "en", "et")  # after less than four letters rather a part of the word (Peter)
# Without the Norwegian ones that are English words of another meaning (to, fire).
NUMBERS = {
    word: str(number)
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve",
        "null en – tre – fem seks sju åtte ni ti elleve tolv",
    )
    for number, word in enumerate(words.split())
    if number > 1 and word != "–"
} | {"syv": "7"}


class Trait(IntFlag):
    """What a message has beside its terms: a time, a count or a place, with which it could answer; that it asks."""

    TIME = 1
    COUNT = 2
    PLACE = 4
    ASKS = 8


# What a question asks for, and what in a message may answer it.
ASKED = {
    Trait.TIME: re.compile(
        r"\b(when|what (time|date|day|month|year)|how long ago|når|hvilken (dag|dato|måned))\b", re.I
    ),
    Trait.COUNT: re.compile(
        r"\b(how (many|much|often|long|old|far|tall|heavy)|hvor (mange|mye|ofte|lenge|gammel|langt))\b", re.I
    ),
    Trait.PLACE: re.compile(
        r"\b(where|which (city|country|place|state)|what (city|country|place|state)|hvor(?! \w))\b", re.I
    ),
}
COUNT = re.compile(
    r"\d|\b(once|twice|dozens?|couple|hundreds?|thousands?|daily|weekly|gang|ganger|hundre|tusen)\b", re.I
)
TIME = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|recently|(mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|"
    r"weeks?|months?|years?|i (går|dag|morgen|fjor)|siden|forrige|neste|uken?|måneden?|året?|helgen?)\b",
    re.I,
)
PLACE = re.compile(r"\b(?:in|at|to|from|near|i|på|til|fra|ved) (?:the )?[A-ZÆØÅ][^\W\d_]+")


# Words of the asking, not of what is asked about; the smallest (what, the, is) are the database's to leave out.
ASKING = frozenset(
    """
    kind kinds type types sort sorts name names many much something mention mentioned accord according
    describe described say says said talk talked tell told did do does doing done get gets got go goes going
    went take takes took make makes made use used would could might like recent recently current currently
    remember remind know slags type typer navn heter mange mye noe nevne nevnte si sier sa snakke snakket
    fortelle fortalte gjorde gjør gjort gå går gikk ta tar tok bruke brukte kunne ville husk husker vet
    """.split()  # noqa: SIM905 — a list of so many words is read as prose
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is indexed of a message: terms with their weights, in quarters, its traits, who said it, and its length in words."""

    terms: dict[str, int]
    traits: Trait
    talker: str
    length: int


def utterance(text: str, said_on: date, speaker: str = "", talkers: tuple[str, ...] = ()) -> Utterance:
    """The terms of a message. A name of one of the `talkers` within it is how they address each other, and is left out."""
    names = {word for name in talkers for word, _ in words(name)}
    said = [word for word, _ in words(text) if word not in names]
    terms = Counter({word: ONCE * count for word, count in Counter(said).items()})
    for kind in (kind for word in said for kind in kinds(word)):
        terms[f"#{kind}"] += HALF
    for mark in marks(Span(said_on, said_on)):
        terms[mark] = HALF
    dates = spans(text, said_on)
    for mark in (mark for span in dates for mark in marks(span)):
        terms[mark] = ONCE
    return Utterance(dict(terms), _traits(text, dates, said), next((word for word, _ in words(speaker)), ""), len(said))


def _traits(text: str, dates: Sequence[Span], said: Sequence[str]) -> Trait:
    found = Trait(0)
    if dates or TIME.search(text):
        found |= Trait.TIME
    if COUNT.search(text) or any(word in NUMBERS for word in said):
        found |= Trait.COUNT
    if PLACE.search(text):
        found |= Trait.PLACE
    if text.rstrip().endswith("?"):
        found |= Trait.ASKS
    return found


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: terms with their weights, in quarters, words not yet stemmed; what would answer; names in it."""

    terms: dict[str, int]
    traits: Trait
    names: tuple[str, ...]


def question(text: str, asked_on: date) -> Question:
    """The terms of a question, or of a message in answer to which something is to be recalled."""
    dates = spans(text, asked_on)
    terms: dict[str, int] = {mark: ONCE for span in dates for mark in asked_marks(span)}
    traits, names = Trait(0), []
    for trait, pattern in ASKED.items():
        if pattern.search(text):
            traits |= trait
    for word, capital in words(without_dates(text)):
        if capital:
            names.append(word)
        if word not in ASKING and len(terms) < MOST_TERMS:
            terms[word] = ONCE
            terms |= {f"#{kind}": HALF for kind in kinds(word)}
    return Question(terms, traits, tuple(dict.fromkeys(names[:MOST_TERMS])))


def words(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a text in small letters, numbers as digits, and whether each began with a capital."""
    for number, match in enumerate(WORD.finditer(text)):
        if number >= MOST_WORDS:
            return
        written = match[0].replace("’", "'")
        word = written.lower()[:LONGEST_WORD]
        for ending in ("'s", "n't", "'re", "'ve", "'ll", "'d", "'m"):
            word = word.removesuffix(ending)
        yield NUMBERS.get(word, word), written[0].isupper()


@lru_cache(maxsize=65_536)
def kinds(word: str) -> tuple[str, ...]:
    """The kinds of things that a word may mean, of memory/concepts.txt; its endings are tried away."""
    known = _concepts()
    if word in known:
        return known[word]
    for ending in ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= (4 if ending in NOUN_ENDINGS else 3):
            tried = [stem, stem + "e", stem + "y"]
            if stem[-1] == stem[-2]:
                tried.append(stem[:-1])
            for form in tried:
                if form in known:
                    return known[form]
    return ()


@cache
def _concepts() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("concepts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, _, members = line.partition(": ")
            for word in members.split():
                if kind not in found.setdefault(word, []):
                    found[word].append(kind)
    return {word: tuple(named) for word, named in found.items()}
