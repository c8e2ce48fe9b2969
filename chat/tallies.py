"""Turns that have ended, counted in the database: one statement, which reads the index turn_ended alone.

Counted anew at each look: nothing is rolled up, so a turn that was deleted or has just ended is in no figure too many and in
none too few. Times go out as they are, four bytes each, because exact percentiles need all of them.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction

from chat.spans import Span

PATIENCE = 10
"""s for the statement."""

MOST = 2**31 - 1
"""ms: 24 days. So long waits a turn whose server is gone, until another closes it."""

# To compile the statement, as the planner would have it, takes longer than to run it.
BOUNDS = "SELECT set_config('jit', 'off', true), set_config('statement_timeout', %s, true)"

# Step by step: the planner can't tell how many steps there are in a column of times, and would sort all turns by them, or write
# them to disk. So it reads a part of the index for each, and has a handful of groups.
TALLIES = """
SELECT s.number - 1, t.*
FROM unnest(%(steps)s::bigint[]) WITH ORDINALITY AS s (at, number) CROSS JOIN LATERAL (
    SELECT brain, model, persona, error,
           count(*), coalesce(sum(input_tokens), 0), coalesce(sum(cache_read_tokens), 0), coalesce(sum(output_tokens), 0),
           coalesce(sum(cost), 0), count(cost),
           string_agg(int4send(least(round(date_part('epoch', first_token_at - created_at) * 1000), %(most)s)::int4), ''::bytea)
               FILTER (WHERE first_token_at IS NOT NULL),
           string_agg(int4send(least(round(date_part('epoch', finished_at - created_at) * 1000), %(most)s)::int4), ''::bytea)
    FROM chat_turn
    WHERE created_at >= greatest(%(since)s, to_timestamp(s.at)) AND created_at < least(%(until)s, to_timestamp(s.at + %(step)s))
      AND finished_at IS NOT NULL
    GROUP BY brain, model, persona, error
) t
"""


class TookTooLong(Exception):
    """The database was not ready in time."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The turns of one step (from 0 on), brain, model, persona and error (empty: none), counted.

    Tokens and cost (USD) are sums of what is known; `priced` turns have a cost. `first` and `duration` hold each turn's
    milliseconds to its first token and to its end as signed 32-bit numbers, big-endian; MOST where it was more.
    """

    step: int
    brain: str
    model: str
    persona: str
    error: str
    turns: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: Decimal
    priced: int
    first: bytes
    duration: bytes


def tallies(span: Span) -> list[Tally]:
    """All of a span. Raises TookTooLong."""
    asked: dict[str, Any] = {
        "steps": list(span.steps),
        "step": span.step,
        "since": span.since,
        "until": span.until,
        "most": MOST,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BOUNDS, [f"{PATIENCE}s"])
            cursor.execute(TALLIES, asked)
            return [_tally(row) for row in cursor]
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TookTooLong from error
        raise


def _tally(row: tuple[Any, ...]) -> Tally:
    values: list[Any] = [*row[:-2], *(bytes(times or b"") for times in row[-2:])]
    return Tally(*values)


def numbers(pieces: Iterable[bytes]) -> array[int]:
    """Milliseconds of a Tally's `first` or `duration`, of several one after the other."""
    found = array("i")
    found.frombytes(b"".join(pieces))
    if sys.byteorder == "little":
        found.byteswap()
    return found
