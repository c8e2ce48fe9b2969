"""Rules of safety: what is looked for in what a user asks and in what a coach says, and the fixed answers. Pure: no Django.

A set of rules is data (`rules.json` is the delivered one). In order of weight, each rule has for a language:

    asked     phrases of a user's message that the fixed answer replies to, and no brain
    said      phrases of a reply that is stopped there; the fixed answer follows
    unless    phrases that take away what they stand on, as "no chest pain"
    answer    the fixed answer
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safety.phrases import Phrases, normalised

DELIVERED = Path(__file__).with_name("rules.json")

RULE_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
FIELDS = {"id", "asked", "said", "unless", "answer"}
ANSWER_CHARS = 2000
SENTENCE_CHARS = 400
"""Of a reply, how far back a find may begin."""

_SENTENCE_END = re.compile(r"[.!?\n]+\s*")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies, and what is said then, in the language in which it was found."""

    rule: str
    answer: str


@dataclass(frozen=True, slots=True)
class _Clause:
    """A rule's phrases in one language, of what is asked or of what is said."""

    finding: Finding
    phrases: Phrases
    unless: Phrases | None

    def applies(self, words: str) -> bool:
        return self.phrases.found(words) and (self.unless is None or self.phrases.found(self.unless.without(words)))


class Rules:
    """A set of rules, ready to be looked for. `number` is that of its version; 0: the delivered one."""

    def __init__(self, content: Mapping[str, Any], number: int = 0) -> None:
        """Raises ValueError, with a sentence that says where, for what is no set of rules."""
        self.number = number
        rules = content.get("rules")
        if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
            raise ValueError('A set of rules is {"rules": [{…}, …]}, with one rule at least.')
        for rule in rules:
            _check(rule)
        ids = [rule["id"] for rule in rules]
        if len(set(ids)) < len(ids):
            raise ValueError("Two rules have the same id.")
        self._asked = tuple(clause for rule in rules for clause in _clauses(rule, "asked"))
        self._said = tuple(clause for rule in rules for clause in _clauses(rule, "said"))
        lasts = sorted({last for clause in self._said for last in clause.phrases.lasts})
        self.endings = re.compile("|".join(r"\W+".join(map(re.escape, last.split())) for last in lasts) or r"(?!)")
        self.longest_ending = max(map(len, lasts), default=0)

    def asked(self, text: str) -> Finding | None:
        """The first rule for a user's message."""
        return _first(self._asked, text)

    def said(self, text: str) -> Finding | None:
        """The first rule that a reply breaks."""
        return _first(self._said, text)


@cache
def delivered() -> Rules:
    """Those of this version of the software."""
    return Rules(delivered_content())


def delivered_content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DELIVERED.read_text(encoding="utf-8"))
    return content


class Guard:
    """Reads along with one reply, piece by piece. Nearly all pieces cost one look for the words that could end a find."""

    __slots__ = ("_heard", "_rules", "finding")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._heard = ""
        self.finding: Finding | None = None

    def passed(self, text: str) -> str:
        """What of the next piece may be said: all of it, or less, and then `finding` is why."""
        before = self._heard
        heard = before + text
        if self._rules.endings.search(heard[max(0, len(before) - self._rules.longest_ending) :].lower()):
            self.finding = self._rules.said(heard)
            if self.finding:
                return self._harmless(before, text)
        self._heard = heard if len(heard) < SENTENCE_CHARS else heard[-SENTENCE_CHARS // 2 :]
        return text

    def _harmless(self, before: str, text: str) -> str:
        """The piece's whole sentences before the one that breaks a rule."""
        ends = [end.end() for end in _SENTENCE_END.finditer(text)]
        return next((text[:end] for end in reversed(ends) if not self._rules.said(before + text[:end])), "")


def _first(clauses: tuple[_Clause, ...], text: str) -> Finding | None:
    words = normalised(text)
    return next((clause.finding for clause in clauses if clause.applies(words)), None)


def _clauses(rule: Mapping[str, Any], kind: str) -> Iterator[_Clause]:
    for language, phrases in rule.get(kind, {}).items():
        unless = rule.get("unless", {}).get(language)
        finding = Finding(rule["id"], rule["answer"][language])
        try:
            yield _Clause(finding, Phrases(phrases), Phrases(unless) if unless else None)
        except ValueError as error:
            raise ValueError(f"Rule {rule['id']}: {error}") from error


def _check(rule: Mapping[str, Any]) -> None:
    name = rule.get("id")
    if not isinstance(name, str) or not RULE_ID.fullmatch(name):
        raise ValueError(f"A rule's id has small letters, digits and underscores, a letter first: not {name!r}.")
    if unknown := sorted(set(rule) - FIELDS):
        raise ValueError(f"Rule {name}: unknown field {unknown[0]!r}; there are {', '.join(sorted(FIELDS))}.")
    if not rule.get("asked") and not rule.get("said"):
        raise ValueError(f"Rule {name} looks for nothing: it needs asked or said.")
    for kind in ("asked", "said", "unless"):
        for language, phrases in _by_language(rule, kind).items():
            if not isinstance(phrases, list) or not phrases or not all(isinstance(each, str) for each in phrases):
                raise ValueError(f"Rule {name}: {kind}.{language} is a list of phrases.")
    answers = _by_language(rule, "answer")
    for language in {*rule.get("asked", {}), *rule.get("said", {})}:
        answer = answers.get(language)
        if not isinstance(answer, str) or not answer.strip() or len(answer) > ANSWER_CHARS:
            raise ValueError(f"Rule {name} needs an answer in {language}, of {ANSWER_CHARS} characters at most.")


def _by_language(rule: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = rule.get(field, {})
    if not isinstance(value, dict):
        raise ValueError(f"Rule {rule['id']}: {field} is an object, by language.")
    return value
