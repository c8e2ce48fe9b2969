"""The index's write side: messages become passages and postings, after their turn and outside of it. Sync, through Django's
connection; each call is one transaction, and one owner's calls wait for each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from memory import statements
from memory.analysis import MARKS, utterance

DICTIONARIES = {"": "english_stem", "en": "english_stem", "nb": "norwegian_stem", "nn": "norwegian_stem"}
DICTIONARIES |= {"no": "norwegian_stem", "da": "danish_stem", "sv": "swedish_stem", "de": "german_stem"}
DICTIONARIES |= {
    "nl": "dutch_stem",
    "fr": "french_stem",
    "es": "spanish_stem",
    "it": "italian_stem",
    "fi": "finnish_stem",
}

BATCH = 500
"""Messages of one statement."""


@dataclass(frozen=True, slots=True)
class Said:
    """A stored message, as the index takes it in. `at` is in the owner's time zone, so that "yesterday" is theirs."""

    message: UUID
    session: UUID
    text: str
    at: datetime
    speaker: str = ""


def dictionary_of(language: str) -> str:
    """PostgreSQL's dictionary for a language (BCP 47); `simple` for one that is not stemmed, English where none is named."""
    return DICTIONARIES.get(language.partition("-")[0].lower(), "simple")


def index(owner: int, said: Sequence[Said], language: str = "", talkers: tuple[str, ...] = ()) -> int:
    """Take in messages of an owner, in the order in which they were said; how many were new.

    `talkers` are the names by which those who speak call each other. A message that is there already, or that is no longer
    stored, is left out. The language of an owner's first message decides on how all of them are stemmed.
    """
    new = 0
    for start in range(0, len(said), BATCH):
        batch = said[start : start + BATCH]
        with transaction.atomic():
            new += _taken_in(owner, batch, language, talkers)
    if new:
        with connection.cursor() as cursor:
            cursor.execute("DISCARD PLANS")  # on this connection; a recall planned for few messages reads many slowly
    return new


def forget(owner: int) -> None:
    """Remove all that the index holds of an owner, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statements.FORGET, {"owner": owner})


def _taken_in(owner: int, said: Sequence[Said], language: str, talkers: tuple[str, ...]) -> int:
    values: dict[str, Any] = {"owner": owner, "messages": [one.message for one in said]}
    with connection.cursor() as cursor:
        cursor.execute(statements.HOLD, values)
        held = dict(cursor.fetchall())
        values["sessions"] = list(set(held.values()))
        values["dictionary"] = dictionary_of(language)
        values["said"] = json.dumps(list(_rows(said, held, talkers)))
        if not held:
            return 0
        cursor.execute(statements.CENSUS, values)
        cursor.execute(statements.EPISODES, values)
        cursor.execute(statements.PASSAGES, values)
        return int(cursor.fetchone()[0])


def _rows(said: Sequence[Said], held: dict[UUID, UUID], talkers: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    seen = set()
    for turn, one in enumerate(said):
        if held.get(one.message) != one.session or one.message in seen:
            continue
        seen.add(one.message)
        found = utterance(one.text, one.at.date(), one.speaker, talkers)
        yield {
            "message": one.message.hex,
            "session": one.session.hex,
            "turn": turn,
            "length": found.length,
            "traits": int(found.traits),
            "talker": found.talker,
            "words": {term: weight for term, weight in found.terms.items() if not term.startswith(MARKS)},
            "marks": {term: weight for term, weight in found.terms.items() if term.startswith(MARKS)},
        }
