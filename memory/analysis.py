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

from memory.dates import Span, asked_marks, marks, spans, without_dates
from memory.kinds import kinds, kinds_of, parts, phrases

ONCE, HALF = 4, 2
"""Weights, in quarters of an occurrence."""

MOST_WORDS = 4000
"""Words of a message that are indexed: what is pasted beyond that is not said."""

LONGEST_WORD = 40
"""Characters."""

MOST_TERMS = 64
"""Terms that a question looks for: its first."""

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
MEASURED = re.compile(r"(\d+)(k|km|kg|mi|min|lbs?|h|bpm|kcal)")
UNITS = {"k": "km", "kilo": "kg", "kilos": "kg", "lbs": "lb"}
UNITS |= dict.fromkeys(("kilometer", "kilometers", "kilometre", "kilometres"), "km")
MARKS = ("#", "~")
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
SHOWN = {
    "of-record": re.compile(r"\b(?:\d{1,2}:)?\d{1,2}:[0-5]\d\b"),
    "of-pressure": re.compile(r"\b[12]?\d\d ?(?:over|/|på) ?\d\d\d?\b"),
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
    hello hi hey thanks thank please sorry okay ok yes yeah bye great welcome begin let lets again
    hei hallo takk vennligst unnskyld ja nei greit flott morn velkommen begynne igjen
    """.split()  # noqa: SIM905 — a list of so many words is read as prose
)


# Words of talking with a coach, whatever it is about: in a prompt they recall nothing.
TALKING = frozenset(
    """
    coach trainer assistant bot good nice cool perfect super awesome exactly sure right fine alright sounds really helpful
    help explain understand mean meaning example question answer point second part idea suggest suggestion recommend advice
    next more else another continue short shorter longer simpler detail list write rewrite translate message text joke poem
    things something anything nothing everything please think thought sorry wait moment chat conversation want need try maybe
    possible lot bit today assistent fin fint kult perfekt supert akkurat sikker riktig greie høres virkelig hjelp hjelpe
    hjelper forklar forklare forstå forstår skjønner mener betyr eksempel spørsmål svar punkt punktet ide idé foreslå foreslår
    anbefal anbefale anbefaler råd neste mer annet fortsett fortsette kort kortere lengre enklere detaljer liste skriv skrive
    oversett oversette melding tekst vits sitat fortelling dikt ting noen ingenting alt tusen tror tenker vent øyeblikk
    samtale samtalen vil trenger prøve kanskje mulig litt god godt gang fortell siste bra side real see look away
    """.split()  # noqa: SIM905 — see above
)
GREETING = re.compile(
    r"\b(?:good|god)\W+(?:morning|afternoon|evening|night|day|morgen|ettermiddag|kveld|natt|dag)\b(?:\W+(?:coach|trener)\b)?",
    re.I,
)


def spoken(text: str) -> tuple[str, ...]:
    """The words of a text, to be compared with another's: neither case nor punctuation counts, numbers do."""
    return tuple(word for word, _ in words(text))


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is indexed of a message: terms with their weights, in quarters, its traits, who said it, and its length in words."""

    terms: dict[str, int]
    traits: Trait
    talker: str
    length: int


def utterance(text: str, said_on: date, speaker: str = "", talkers: tuple[str, ...] = ()) -> Utterance:
    """The terms of a message. A name of one of the `talkers` within it is how they address each other, and is left out."""
    names = {word for name in talkers for word in spoken(name)}
    said = [word for word in spoken(text) if word not in names]
    terms = Counter({word: ONCE * count for word, count in Counter(said).items()})
    for kind in (*kinds_of(said), *_shown(text)):
        terms[f"#{kind}"] += HALF
    for part in (part for word in said for part in parts(word)):
        terms[part] += HALF
    for mark in marks(Span(said_on, said_on)):
        terms[mark] = HALF
    dates = spans(text, said_on)
    for mark in (mark for span in dates for mark in marks(span)):
        terms[mark] = ONCE
    return Utterance(dict(terms), _traits(text, dates, said), next(iter(spoken(speaker)), ""), len(said))


def _shown(text: str) -> Iterator[str]:
    """Kinds of things that are seen by how they are written: a time over a distance, a blood pressure."""
    for kind, pattern in SHOWN.items():
        if pattern.search(text):
            yield kind


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

    terms: dict[str, float]
    traits: Trait
    names: tuple[str, ...]


def question(text: str, asked_on: date, *, talking: bool = False) -> Question:
    """The terms of a question; `talking`: of a message that need not ask for anything said before."""
    left_out = ASKING | TALKING if talking else ASKING
    text = GREETING.sub(" ", text)
    dates = [
        span for span in spans(text, asked_on) if not talking or span.last < asked_on
    ]  # plans for today recall nothing
    terms: dict[str, float] = {mark: ONCE for span in dates for mark in asked_marks(span)}
    traits = Trait(0)
    for trait, pattern in ASKED.items():
        if pattern.search(text):
            traits |= trait
    asked = list(words(without_dates(text)))
    names = [word for word, capital in asked if capital]
    for word, _ in asked:
        if word not in left_out and len(terms) < MOST_TERMS:
            terms |= {word: ONCE, **dict.fromkeys(parts(word), HALF)}
            named = kinds(word)
            for kind in named:  # they share the weight of the word
                terms[f"#{kind}"] = max(ONCE / len(named), terms.get(f"#{kind}", 0))
    if len(terms) < MOST_TERMS:
        terms |= {f"#{kind}": ONCE for kind in phrases([word for word, _ in asked])}
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
        if measured := MEASURED.fullmatch(word):
            yield measured[1], False
            word = UNITS.get(measured[2], measured[2])
        yield NUMBERS.get(word, UNITS.get(word, word)), written[0].isupper()
