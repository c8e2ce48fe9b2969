"""The table: figure, measured, beside it in the same run, what is to be reached."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Row

HEAD = ("figure", "measured", "beside it, in the same run", "to reach", "")
WORDS = {True: "reached", False: "missed", None: ""}


def lines(rows: Sequence[Row]) -> list[str]:
    """Columns that line up."""
    cells = _cells(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    found = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [found[0], "  ".join("-" * width for width in widths), *found[1:]]


def markdown(rows: Sequence[Row]) -> list[str]:
    """The same for a document."""
    head, *rest = ("| " + " | ".join(row) + " |" for row in _cells(rows))
    return [head, "|" + " --- |" * len(HEAD), *rest]


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [HEAD, *((row.figure, row.measured, row.beside, row.reach, WORDS[row.reached]) for row in rows)]
