"""The index's read side: what was said that bears on a text. One statement, for Django's connection or any other of psycopg."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memory import statements
from memory.analysis import MARKS, ONCE, question, words

FLOOR = 0.05
"""The least score of what is recalled, as a share of the weights of the terms looked for that the owner ever used."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A message that was found; `score` compares within one recall only."""

    message: UUID
    session: UUID
    role: str
    text: str
    at: datetime
    score: float


def recall(owner: int, text: str, asked_on: datetime, most: int = 20) -> list[Recalled]:
    """An owner's messages that bear on a text, best first. `asked_on` is in the owner's time zone: "last week" counts from it."""
    values = values_of(owner, text, asked_on, most)
    with connection.cursor() as cursor:
        cursor.execute(statements.RECALL, values)
        return list(recalled(cursor.fetchall()))


def values_of(owner: int, text: str, asked_on: datetime, most: int) -> dict[str, Any]:
    """The parameters of statements.RECALL."""
    asked = question(text, asked_on.date())
    given = {term: weight / ONCE for term, weight in asked.terms.items()}
    said = [term for term in given if not term.startswith(MARKS)]
    marks = [term for term in given if term.startswith(MARKS)]
    return {
        "owner": owner,
        "words": said,
        "word_weights": [given[term] for term in said],
        "marks": marks,
        "mark_weights": [given[term] for term in marks],
        "traits": int(asked.traits),
        "names": list(asked.names),
        "most": most,
        "floor": FLOOR,
    }


def recalled(rows: Iterable[tuple[Any, ...]]) -> Iterator[Recalled]:
    """The rows of statements.RECALL; of those that say the same, the best alone."""
    seen = set()
    for row in rows:
        words_said = tuple(word for word, _ in words(row[3]))
        if words_said not in seen:
            seen.add(words_said)
            yield Recalled(*row)
