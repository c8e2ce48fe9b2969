"""Coaching conversations in which facts change: told once, changed months later in other words, then asked for.

Written for this measurement. Between the two lie months of ordinary talk about the same things. There are three sets of facts,
of three users. Recall was made by the first two; what the third finds shows what to expect of facts that nobody has looked at.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 7
BEGINNING = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
LATER = timedelta(days=150)
"""From what is said first to what takes its place."""

END = BEGINNING + 2 * LATER
"""When it is asked for."""

FOLDER = Path(__file__).parent
SETS = {
    "first": FOLDER / "coaching.tsv",
    "second": FOLDER / "coaching_second.tsv",
    "third": FOLDER / "coaching_third.tsv",
}
TALK = FOLDER / "coaching_talk.tsv"
LINES = FOLDER / "coaching_prompts.tsv"
ECHO = {"en": "I have noted that: {}", "nb": "Det har jeg notert: {}"}
THANKS = {"en": "Thanks for telling me.", "nb": "Takk for at du sier det."}


@dataclass(frozen=True, slots=True)
class Change:
    """What the user says first, what months later, and questions of whoever wants to know what holds."""

    old: str
    new: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What a user says to the coach, and a word that a quote beside it has to hold; none where no quote belongs."""

    evidence: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session, as pairs of what the user and the coach say."""

    at: datetime
    said: tuple[tuple[str, str], ...]


def changes(language: str, of: str = "first") -> tuple[Change, ...]:
    """The facts of a set, in `en` or `nb`."""
    return tuple(Change(old, new, tuple(asked)) for old, new, *asked in _rows(SETS[of], language))


def lines(language: str) -> tuple[Line, ...]:
    """What the user of the third set may say next."""
    return tuple(Line(evidence, text) for evidence, text in _rows(LINES, language))


def talk(language: str) -> list[tuple[str, str]]:
    """What the user says, and what the coach says, about everything and nothing."""
    return [(user, coach) for coach, user in _rows(TALK, language)]


def conversations(language: str, of: str = "first") -> Iterator[Conversation]:
    """A session for each fact and for each change, and as many of ordinary talk between and after; always the same."""
    chance = random.Random(SEED)  # noqa: S311 — no secret
    around = talk(language)
    facts = changes(language, of)
    told = [(BEGINNING + timedelta(number), change.old) for number, change in enumerate(facts)]
    told += [(at + LATER, change.new) for (at, _), change in zip(told, facts, strict=True)]
    told += [(BEGINNING + timedelta(number * 280 / len(facts), 3600), "") for number in range(len(facts))]
    for at, text in sorted(told):
        said = chance.sample(around, 4)
        if text:
            answer = THANKS[language] if chance.random() < 0.5 else ECHO[language].format(text)
            said.insert(chance.randrange(4), (text, answer))
        yield Conversation(at, tuple(said))


def _rows(file: Path, language: str) -> Iterator[list[str]]:
    """Of that language: what stands behind its name."""
    for line in file.read_text(encoding="utf-8").splitlines():
        spoken, *cells = line.split("\t")
        if spoken == language:
            yield cells
