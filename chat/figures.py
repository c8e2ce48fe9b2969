"""What tallies come to: sums, and exact percentiles of all turns, of steps, brains, models and personas."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from chat.tallies import Tally, numbers

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds that half and 95 per cent of turns did not exceed (nearest rank); None where there is no turn."""

    p50: int | None
    p95: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the turns that have `name` in common. `first` is the time to the first token; costs are USD, of `priced` turns."""

    name: str
    turns: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: Decimal
    priced: int
    first: Spread
    duration: Spread


@dataclass(frozen=True, slots=True)
class Whole:
    """`steps` has one for each step of the span; the others, and errors, are in order of their turns, most first."""

    total: Figures
    steps: list[Figures]
    brains: list[Figures]
    models: list[Figures]
    personas: list[Figures]
    errors: list[tuple[str, int]]


class _Alike:
    """Tallies summed up once, their times sorted once: what several of these have in common takes neither again."""

    __slots__ = (
        "cached_tokens",
        "cost",
        "duration",
        "failed",
        "first",
        "input_tokens",
        "output_tokens",
        "priced",
        "tally",
        "turns",
    )

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.tally = tallies[0] if tallies else None
        self.turns = self.failed = self.input_tokens = self.cached_tokens = self.output_tokens = self.priced = 0
        self.cost = Decimal(0)
        for one in tallies:
            self.turns += one.turns
            self.failed += one.turns if one.error else 0
            self.input_tokens += one.input_tokens
            self.cached_tokens += one.cached_tokens
            self.output_tokens += one.output_tokens
            self.cost += one.cost
            self.priced += one.priced
        self.first = sorted(numbers(one.first for one in tallies))
        self.duration = sorted(numbers(one.duration for one in tallies))


def whole(tallies: Sequence[Tally], steps: int) -> Whole:
    """All that the dashboard shows of a span with so many steps."""
    alike = [_Alike(group) for group in _grouped(tallies, lambda one: (one.brain, one.model, one.persona)).values()]
    by_step = _grouped(tallies, lambda one: one.step)
    errors: Counter[str] = Counter()
    for one in tallies:
        errors[one.error] += one.turns
    del errors[""]
    return Whole(
        total=_figures("", alike),
        steps=[_figures("", [_Alike(by_step.get(number, ()))]) for number in range(steps)],
        brains=_by(alike, lambda one: one.brain),
        models=_by(alike, lambda one: one.model),
        personas=_by(alike, lambda one: one.persona),
        errors=errors.most_common(),
    )


def spread(parts: Iterable[Sequence[int]]) -> Spread:
    """Of all numbers of all parts, each of which is sorted."""
    there = [part for part in parts if part]
    if not there:
        return Spread(None, None)
    total = sum(map(len, there))
    return Spread(*(_ranked(there, -(-total * share // 100)) for share in (50, 95)))


def _ranked(parts: Sequence[Sequence[int]], rank: int) -> int:
    """The number of that rank, from 1 up: the least that so many do not exceed, found by halves. Merging would take longer."""
    if len(parts) == 1:
        return parts[0][rank - 1]
    least, most = min(part[0] for part in parts), max(part[-1] for part in parts)
    while least < most:
        middle = (least + most) // 2
        if sum(bisect_right(part, middle) for part in parts) < rank:
            least = middle + 1
        else:
            most = middle
    return least


def _by(alike: Sequence[_Alike], name: Callable[[Tally], str]) -> list[Figures]:
    groups: dict[str, list[_Alike]] = {}
    for one in alike:
        if one.tally:
            groups.setdefault(name(one.tally), []).append(one)
    return sorted((_figures(*group) for group in groups.items()), key=lambda found: (-found.turns, found.name))


def _figures(name: str, alike: Sequence[_Alike]) -> Figures:
    return Figures(
        name=name,
        turns=sum(one.turns for one in alike),
        failed=sum(one.failed for one in alike),
        input_tokens=sum(one.input_tokens for one in alike),
        cached_tokens=sum(one.cached_tokens for one in alike),
        output_tokens=sum(one.output_tokens for one in alike),
        cost=sum((one.cost for one in alike), Decimal(0)),
        priced=sum(one.priced for one in alike),
        first=spread([one.first for one in alike]),
        duration=spread([one.duration for one in alike]),
    )


def _grouped(tallies: Sequence[Tally], key: Callable[[Tally], K]) -> dict[K, list[Tally]]:
    groups: dict[K, list[Tally]] = {}
    for one in tallies:
        groups.setdefault(key(one), []).append(one)
    return groups
