"""Whether a fact in a brain's words says what the user said: the quote stands there, and no number, date or "not" is another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from memory.dates import SAID, Span, spans
from memory.rules import YEAR

NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
COUNTED = {"once": "1", "twice": "2", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
COUNTED |= {"eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "tre": "3", "fem": "5", "seks": "6"}
COUNTED |= {"sju": "7", "syv": "7", "åtte": "8", "ti": "10", "elleve": "11", "tolv": "12"}
AMBIGUOUS = {"a": "1", "an": "1", "one": "1", "first": "1", "en": "1", "ei": "1", "et": "1", "ett": "1", "to": "2"}
AMBIGUOUS |= {"fire": "4", "ni": "9", "half": "2", "halv": "2"}
"""Numbers only where they are said: a fact in other words may have them in another sense."""

NOT = re.compile(r"\b(?:not|no|never|none|without|\w+n['’]t|cannot|ikke|aldri|ingen|uten|nei)\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")


def found_in(text: str, quote: str) -> str:
    """The quote as it stands in the text, whatever its case, blanks and quotation marks; empty where it does not."""
    spoken = re.findall(r"\w+", quote)
    if len("".join(spoken)) < 3:
        return ""
    match = re.search(r"(?<!\w)" + r"\W+".join(map(re.escape, spoken)) + r"(?!\w)", text, re.IGNORECASE)
    return match[0] if match else ""


def is_faithful(text: str, sentence: str, said_on: date, *, ahead: bool = False) -> bool:
    """Whether a fact has no number or date that was not said, and is negated as what was said is.

    A date may be told in full: "last week" as its days. If `ahead`, a month that has passed may be that of the next year.
    """
    days = [Span(said_on, said_on), *spans(sentence, said_on)]
    if ahead:
        days += _a_year_later(sentence, days[1:])
    told = SAID.sub(lambda match: " " if _is_meant(match[0], said_on, days) else match[0], text)
    if not _numbers(told, COUNTED) <= _numbers(sentence, COUNTED | AMBIGUOUS):
        return False
    return bool(NOT.search(text)) == bool(NOT.search(sentence))


def _numbers(text: str, counted: dict[str, str]) -> set[str]:
    written = {number.replace(",", ".").lstrip("0") for number in NUMBER.findall(text)}
    return written | {counted[word] for word in WORD.findall(text.lower()) if word in counted}


def _is_meant(told: str, said_on: date, days: Iterable[Span]) -> bool:
    """Whether what is told is a day that was meant, an end of what was meant, or a time around it."""
    found = spans(told, said_on)
    if not found:
        return False
    one = found[0]
    return any(
        (one.first <= day.first and day.last <= one.last)
        or (one.first == one.last and one.first in (day.first, day.last))
        for day in days
    )


def _a_year_later(sentence: str, days: Iterable[Span]) -> list[Span]:
    if YEAR.search(sentence):
        return []
    return [
        Span(day.first.replace(year=day.first.year + 1), day.last.replace(year=day.last.year + 1))
        for day in days
        if (day.first.month, day.first.day) != (2, 29) and (day.last.month, day.last.day) != (2, 29)
    ]
