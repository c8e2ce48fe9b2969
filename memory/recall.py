"""The index's read side: what was said that bears on a text. One statement, for Django's connection or any other of psycopg."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from memory import currency, statements
from memory.analysis import MARKS, ONCE, question
from memory.currency import Recalled

SILENT = re.compile(r"\W+")

LEAST_RANKED = 50
"""Rows that are asked for, also where fewer are wanted: among them newer ones may stand for older ones."""

FLOOR = 0.05
"""The least score of what is recalled, as a share of the weights of the terms looked for that the owner ever used."""

GATE = 0.9
"""For prompts: what one message has to say itself of the text for anything to be recalled, as a share of what a word would weigh
that was said once only. Below it what was said before has nothing to do with what is said now."""


def recall(
    owner: int, text: str, asked_on: datetime, most: int = 20, *, session: UUID | None = None, offset: int = 0
) -> list[Recalled]:
    """An owner's messages that bear on a text, best first. `asked_on` is in the owner's time zone: "last week" counts from it.

    Of `session` what begins at `offset` characters of its path or later is left out: a prompt holds that anyway.
    """
    values = values_of(owner, text, asked_on, most, session=session, offset=offset)
    return recalled(rows(values), text, most)


def rows(values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The statement's, which is long: it is parsed and planned once a connection, as it is on the turns' own pool."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.connection.prepare_threshold = 1
        cursor.execute(statements.RECALL.encode(), values)
        return cursor.fetchall()


def values_of(
    owner: int,
    text: str,
    asked_on: datetime,
    most: int,
    *,
    gate: float = 0,
    session: UUID | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """The parameters of statements.RECALL. With a `gate` nothing is recalled where nothing found bears enough on the text."""
    asked = question(text, asked_on.date(), talking=gate > 0)
    for_now = currency.asks_for_now(text)
    of_kind = currency.OTHER_WORDS if for_now and "?" in text else 1
    given = {term: weight / ONCE * (of_kind if term.startswith("#") else 1) for term, weight in asked.terms.items()}
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
        "itself": currency.ITSELF if for_now else 0.0,
        "most": max(most, LEAST_RANKED),
        "floor": FLOOR,
        "gate": gate,
        "session": session,
        "offset": offset,
    }


def recalled(found_rows: Iterable[tuple[Any, ...]], text: str, most: int) -> list[Recalled]:
    """At most so many of the rows of statements.RECALL for a text; of those that say the same, the best alone."""
    alike = dict[str, Recalled]()
    for row in found_rows:
        alike.setdefault(SILENT.sub("", row[3].casefold()), Recalled(*row))
    found = list(alike.values())
    return (currency.ranked(found, text) if currency.asks_for_now(text) else found)[:most]
