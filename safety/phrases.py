"""Phrases of rules: a small language for words in a sentence, searched for in time linear in the text. Pure.

    chest pain          these words, one after the other
    pain*               a word that begins so
    (chest|left arm)    one of these
    ...                 up to four other words of the same sentence

Case, apostrophes, punctuation within a sentence and invisible characters don't count. Phrases are no regular expressions, so that
who edits them can't write one that takes for ever: what is compiled has bounded gaps and starts at words alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

GAP = "..."
MOST_CHARS = 1000

_INVISIBLE = re.compile("['’‘`´\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_SENTENCE_END = re.compile(r"[.!?;:…\n\r]+")
_BETWEEN = re.compile(r"[^\w.]+|_+")
_ELEMENT = re.compile(r"\([^()]+\)|\.\.\.|[^\s()]+")
_WORDS = re.compile(r"\w+\*?(?: \w+\*?)*")
_GAP = r"(?:[^. ]+ ){0,4}?"


def normalised(text: str) -> str:
    """The words, in small letters, each after a space; sentences are parted by a full stop."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold())
    return f" {_BETWEEN.sub(' ', _SENTENCE_END.sub(' . ', text)).strip()} "


class Phrases:
    """Some phrases, any of which may be found. `lasts` are the words, or beginnings of them, with which a find ends."""

    __slots__ = ("_searched", "lasts")

    def __init__(self, phrases: Sequence[str]) -> None:
        """Raises ValueError, with a sentence, for what is no phrase."""
        compiled = [_compiled(phrase) for phrase in phrases]
        self._searched = re.compile("(?<= )(?:" + "|".join(pattern for pattern, _ in compiled) + ")")
        self.lasts = frozenset(last for _, lasts in compiled for last in lasts)

    def found(self, words: str) -> bool:
        """Whether one is in a normalised text."""
        return self._searched.search(words) is not None

    def without(self, words: str) -> str:
        """A normalised text in whose sentences they do not stand any more; what stood around them is parted."""
        return self._searched.sub(". ", words)


def _compiled(phrase: str) -> tuple[str, list[str]]:
    if len(phrase) > MOST_CHARS:
        raise ValueError(f"A phrase has at most {MOST_CHARS} characters: {phrase[:40]} …")
    elements = _ELEMENT.findall(phrase)
    if not elements or GAP in (elements[0], elements[-1]):
        raise ValueError(f"A phrase begins and ends with a word: {phrase!r}.")
    if re.sub(r"\s", "", "".join(elements)) != re.sub(r"\s", "", phrase):
        raise ValueError(f"A choice of words stands in one pair of brackets: {phrase!r}.")
    parts, lasts = [], list[str]()
    for element in elements:
        if element == GAP:
            parts.append(_GAP)
            continue
        choices = list(_choices(element, phrase))
        parts.append("(?:" + "|".join(pattern for pattern, _ in choices) + ") ")
        lasts = [last for _, last in choices]
    return "".join(parts), lasts


def _choices(element: str, phrase: str) -> Iterator[tuple[str, str]]:
    if "|" in element and not element.startswith("("):
        raise ValueError(f"A choice of words stands in brackets: {element!r} in the phrase {phrase!r}.")
    for choice in element.strip("()").split("|"):
        plain = _INVISIBLE.sub("", choice.strip()).casefold()
        if not _WORDS.fullmatch(plain):
            raise ValueError(f"Not a word, or a choice of words: {choice!r} in {phrase!r}.")
        words = plain.split(" ")
        yield " ".join(map(_word, words)), plain.rstrip("*").replace("* ", " ")


def _word(word: str) -> str:
    return re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "")
