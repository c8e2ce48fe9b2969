"""Facts by the rules of memory/rules.toml, for brains that draw none: few, and in the user's own words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from memory.dates import SAID, Span, spans
from memory.models import HEALTH_KINDS, Kind
from memory.quoting import SENTENCE, flat

CONFIDENCE = 0.7
"""Of what a rule finds: a person's sentence may mean something else."""

LONGEST = 400
"""Characters of a fact; a longer sentence holds more than one thing."""

AHEAD = frozenset({"goal", "schedule"})
"""Kinds that speak of what is to come: a month that has passed is not the one that is meant."""

SEVERAL = (Kind.RECORD, Kind.INJURY)
"""Kinds of which a sentence may tell several."""

YEAR = re.compile(r"(?:19|20)\d\d")

NAMED = re.compile(r"\{([a-z_]+)\}")
GROUP = re.compile(r"\(\?P<([a-z_]+?)(__\w+)?>")


@dataclass(frozen=True, slots=True)
class Drawn:
    """`quote` is a sentence of the text, to the letter; `text` is the same with its dates told."""

    kind: str
    slot: str
    text: str
    quote: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Rule:
    kind: str
    slot: str
    when: re.Pattern[str]
    unless: re.Pattern[str] | None


def drawn(text: str, said_on: date) -> list[Drawn]:
    """The facts of what a user says. `said_on` is the day in their time zone."""
    return [fact for sentence in SENTENCE.split(text) for fact in _of_sentence(sentence.strip(), said_on)]


def sides() -> tuple[str, ...]:
    """What the slot of an injury may begin with, after its kind: `injury:left-knee`."""
    return tuple(side for side, _ in _rules().sides)


def of_health(text: str) -> bool:
    """Whether a text speaks of the health of whoever says it, whatever else it says."""
    known, plain = _rules(), _plain(text)
    return bool(known.health.search(plain)) or any(
        rule.kind in HEALTH_KINDS and rule.when.search(plain) for rule in known.rules
    )


def _of_sentence(sentence: str, said_on: date) -> Iterator[Drawn]:
    known = _rules()
    sentence = _told_before_asking(sentence, known)
    plain = _plain(sentence)
    if not plain or len(plain) > LONGEST or known.never.search(plain):
        return
    of_others, kinds = bool(known.others.search(plain)), set[str]()
    for kind in () if of_others else SEVERAL:
        for quote, told, slot in _told_together(kind, sentence, known):
            kinds.add(kind)
            yield Drawn(kind, slot, dated(told, said_on), quote, since(plain, said_on))
    for rule in known.rules:
        if rule.kind in kinds or (of_others and rule.kind != "person"):
            continue
        found = rule.when.search(plain)
        slot = _slot(rule, found, known) if found and not (rule.unless and rule.unless.search(plain)) else ""
        if slot:
            kinds.add(rule.kind)
            ahead = rule.kind in AHEAD
            told = plain if rule.kind == "schedule" else dated(plain, said_on, ahead=ahead)
            yield Drawn(rule.kind, slot, told, sentence, said_on if ahead else since(plain, said_on))


def _plain(text: str) -> str:
    return flat(text.replace("’", "'"))


def _told_before_asking(sentence: str, known: Rules) -> str:
    """Of "My knee hurts, what now?" what is told; nothing where that is said as a condition."""
    if "?" not in sentence[-3:]:
        return sentence
    asked = known.asks.search(sentence)
    told = sentence[: asked.start()].strip() if asked else ""
    return "" if known.open.search(told) else told


def _told_together(kind: str, sentence: str, known: Rules) -> list[tuple[str, str, str]]:
    """Quote, text and slot of each fact of a kind, where a sentence tells of several: "I bench 80 kg and squat 120 kg"."""
    quotes = known.between.split(sentence)
    first = _named(kind, _plain(quotes[0]), known)
    if len(quotes) < 2 or not first:
        return []
    found = [(quotes[0], _plain(quotes[0]), first[0])]
    for quote in quotes[1:]:
        alone = _plain(quote)
        begun = known.before.sub("", first[1]) + alone  # with the beginning that they have in common
        for told in (alone, begun) if known.subject.match(alone) else (begun,):
            if other := _named(kind, told, known):
                found.append((quote, told, other[0]))
                break
    return found if len({slot for _, _, slot in found}) == len(found) > 1 else []


def _named(kind: str, plain: str, known: Rules) -> tuple[str, str] | None:
    """The slot of what a text tells, if it is of that kind, and what is said before the thing that it is named by."""
    for rule in known.rules:
        if rule.kind == kind and (found := rule.when.search(plain)) and (slot := _slot(rule, found, known)):
            thing = min((found.start(group) for group, value in found.groupdict().items() if value), default=0)
            return None if rule.unless and rule.unless.search(plain) else (slot, plain[:thing])
    return None


def _slot(rule: Rule, found: re.Match[str], known: Rules) -> str:
    """Named by the term that was said: its group is `name__term`, both as in the file; by its side; and by whom it is about.

    Empty where the term was not said: a fact of any distance would close those of others.
    """
    said, called = dict[str, str](), ""
    for group, value in found.groupdict().items():
        name, _, term = group.partition("__")
        if value and term:
            said[name.rstrip("0123456789")] = term
        elif value:
            called = f"-{value.strip().lower()[:40]}"
    if not said.keys() >= set(NAMED.findall(rule.slot)):
        return ""
    sides = [side for side, words in known.sides if words.search(found[0])] if rule.kind == Kind.INJURY else []
    side = f"{sides[0]}-" if len(sides) == 1 else ""
    return NAMED.sub(lambda match: side + _written(said[match[1]]), rule.slot) + called


def dated(text: str, said_on: date, *, ahead: bool = False) -> str:
    """The text, with the days that it names only in relation to the day on which it was said; if `ahead`, those to come."""

    def tell(match: re.Match[str]) -> str:
        found = spans(match[0], said_on)
        if not found or YEAR.search(match[0]) or (ahead and found[0].last < said_on):
            return match[0]
        return f"{match[0]} ({_days(found[0])})"

    return SAID.sub(tell, text)


def since(text: str, said_on: date) -> date:
    """From when on it holds: the last past day that it names, else the day on which it was said."""
    past = [span.first for span in spans(text, said_on) if span.last <= said_on]
    return max(past, default=said_on)


def _days(span: Span) -> str:
    return f"{span.first}" if span.first == span.last else f"{span.first} to {span.last}"


@dataclass(frozen=True, slots=True)
class Rules:
    rules: tuple[Rule, ...]
    never: re.Pattern[str]
    others: re.Pattern[str]
    asks: re.Pattern[str]
    open: re.Pattern[str]
    health: re.Pattern[str]
    between: re.Pattern[str]
    before: re.Pattern[str]
    subject: re.Pattern[str]
    sides: tuple[tuple[str, re.Pattern[str]], ...]


@cache
def _rules() -> Rules:
    told = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    parts = dict[str, str]()
    for name, pattern in told["words"].items():
        parts[name] = _expanded(pattern, parts)
    for name, terms in told["terms"].items():
        parts[name] = _choices(name, terms, parts)
    never, several = told["never"], told["several"]
    return Rules(
        rules=tuple(_rule(given, parts) for given in told["rule"]),
        never=_compiled(never["all"], parts),
        others=_compiled(never["others"], parts),
        asks=_compiled(never["asks"], parts),
        open=_compiled(never["open"], parts),
        health=_compiled(told["health"]["words"], parts),
        between=_compiled(several["between"], parts),
        before=_compiled(several["before"], parts),
        subject=_compiled(several["subject"], parts),
        sides=tuple((side, _compiled(given, parts)) for side, given in told["sides"].items()),
    )


def _choices(name: str, terms: dict[str, list[str]], parts: dict[str, str]) -> str:
    """A pattern of all words of a set; longer terms first, since `half marathon` is no marathon."""
    order = sorted(terms.items(), key=lambda item: -max(map(len, item[1])))
    return _expanded(
        "(?:" + "|".join(f"(?P<{name}__{_group(term)}>{'|'.join(given)})" for term, given in order) + ")", parts
    )


def _group(term: str) -> str:
    return term.replace("-", "_dash_")


def _written(group: str) -> str:
    return group.replace("_dash_", "-")


def _rule(given: dict[str, Any], parts: dict[str, str]) -> Rule:
    unless = given.get("unless")
    return Rule(
        given["kind"],
        given["slot"],
        _compiled(given["when"], parts, cased=given.get("cased", False)),
        _compiled(unless, parts) if unless else None,
    )


def _compiled(given: str | list[str], parts: dict[str, str], *, cased: bool = False) -> re.Pattern[str]:
    """Any of the patterns; where one looks at capitals, those of names alone."""
    pattern = _once("|".join(_expanded(one, parts) for one in ([given] if isinstance(given, str) else given)))
    return re.compile(re.sub(r"(\[A-ZÆØÅ\])", r"(?-i:\1)", pattern) if cased else pattern, re.IGNORECASE)


def _expanded(pattern: str, parts: dict[str, str]) -> str:
    return NAMED.sub(lambda match: parts[match[1]], pattern)


def _once(pattern: str) -> str:
    """A group's name may stand once in a pattern: where a set is named again, its groups are numbered."""
    seen = dict[str, int]()

    def number(match: re.Match[str]) -> str:
        name, term = match[1], match[2] or ""
        seen[name + term] = seen.get(name + term, 0) + 1
        return f"(?P<{name}{seen[name + term] if seen[name + term] > 1 else ''}{term}>"

    return GROUP.sub(number, pattern)
