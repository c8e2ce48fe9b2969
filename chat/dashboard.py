"""The admin's front: what happened in a span of time, and what is going on now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count

from chat import amounts, spans
from chat.figures import Figures, Whole, whole
from chat.models import Status, Turn, Worker
from chat.spans import Span
from chat.tallies import TookTooLong, tallies

TOO_LONG = "The database needs too long for this range; choose a shorter one."
STEPS = {spans.MINUTE: "minute", spans.HOUR: "hour", spans.DAY: "day"}


@dataclass(frozen=True, slots=True)
class Card:
    """One large figure, with a line below it."""

    title: str
    value: str
    below: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """A server process: its running turns, and the brains whose breakers are not closed."""

    name: str
    seen_at: datetime
    running: int
    breakers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """What the template shows. `wrong` says why it is not what was asked for; `charts` goes to dashboard.js as JSON."""

    span: Span
    choices: list[tuple[str, str]]
    step: str
    wrong: str
    running: int
    cards: list[Card]
    tables: list[tuple[str, list[list[str]]]]
    errors: list[tuple[str, str, str]]
    charts: dict[str, Any]
    workers: list[Live]
    breakers: list[tuple[str, str, bool]]
    took: str


def page(values: Mapping[str, str], now: datetime) -> Page:
    """The dashboard of a query's span."""
    span, wrong = spans.asked(values, now)
    begun = time.perf_counter()
    try:
        found = whole(tallies(span), len(span.steps))
    except TookTooLong:
        found, wrong = None, TOO_LONG
    taken = time.perf_counter() - begun
    running = _running()
    workers = _workers(running)
    return Page(
        span=span,
        choices=[(name, title) for name, (title, _) in spans.CHOICES.items()],
        step=STEPS[span.step],
        wrong=wrong,
        running=running.total(),
        cards=_cards(found.total, running.total()) if found else [],
        tables=_tables(found) if found else [],
        errors=_errors(found) if found else [],
        charts=_charts(span, found.steps) if found else {},
        workers=workers,
        breakers=_breakers(workers),
        took=f"{found.total.turns:,} turns counted in {taken:.2f} s." if found else "",
    )


def _cards(total: Figures, running: int) -> list[Card]:
    cached = amounts.share(total.cached_tokens, total.input_tokens)
    tokens = f"{_short(total.input_tokens)} in ({cached} cached), {_short(total.output_tokens)} out"
    return [
        Card("Turns", amounts.count(total.turns), f"{amounts.count(running)} running now"),
        Card("Failed", amounts.share(total.failed, total.turns), amounts.count(total.failed), total.failed > 0),
        Card("First token, p50", amounts.seconds(total.first.p50), f"p95 {amounts.seconds(total.first.p95)}"),
        Card("Duration, p50", amounts.seconds(total.duration.p50), f"p95 {amounts.seconds(total.duration.p95)}"),
        Card("Tokens", _short(total.input_tokens + total.output_tokens), tokens),
        Card("Cost", _cost(total), _unpriced(total)),
    ]


def _cost(figures: Figures) -> str:
    return amounts.dollars(figures.cost if figures.priced else None)


def _unpriced(figures: Figures) -> str:
    unknown = figures.turns - figures.priced
    return f"without {amounts.count(unknown)} turns of unknown cost" if unknown else "of all turns"


def _short(number: int) -> str:
    for size, unit in ((1_000_000_000, " G"), (1_000_000, " M"), (10_000, " k")):
        if number >= size:
            return f"{number / (1000 if unit == ' k' else size):.1f}{unit}"
    return f"{number:,}"


def _tables(found: Whole) -> list[tuple[str, list[list[str]]]]:
    named = {"Brain": found.brains, "Model": found.models, "Persona": found.personas}
    return [(title, [_row(figures) for figures in rows]) for title, rows in named.items()]


def _row(figures: Figures) -> list[str]:
    spreads = (figures.first.p50, figures.first.p95, figures.duration.p50, figures.duration.p95)
    numbers = (figures.input_tokens, figures.cached_tokens, figures.output_tokens)
    return [
        figures.name or "(none)",
        amounts.count(figures.turns),
        amounts.count(figures.failed),
        *map(amounts.seconds, spreads),
        *map(amounts.count, numbers),
        _cost(figures),
        amounts.count(figures.turns - figures.priced),
    ]


def _errors(found: Whole) -> list[tuple[str, str, str]]:
    turns = found.total.turns
    return [(code, amounts.count(number), amounts.share(number, turns)) for code, number in found.errors]


def _charts(span: Span, steps: list[Figures]) -> dict[str, Any]:
    """Columns, one value a step: times in ms, costs in USD; null where there is no turn to tell."""
    return {
        "since": span.steps.start,
        "until": span.steps.stop,
        "at": list(span.steps),
        "turns": [one.turns for one in steps],
        "failed": [one.failed for one in steps],
        "first50": [one.first.p50 for one in steps],
        "first95": [one.first.p95 for one in steps],
        "duration50": [one.duration.p50 for one in steps],
        "duration95": [one.duration.p95 for one in steps],
        "input": [one.input_tokens for one in steps],
        "output": [one.output_tokens for one in steps],
        "cost": [float(one.cost) for one in steps],
    }


def _running() -> Counter[UUID | None]:
    """Running turns, by the worker that runs them."""
    rows = Turn.objects.filter(status=Status.RUNNING).values_list("worker").annotate(turns=Count("id"))
    return Counter(dict(rows))


def _workers(running: Counter[UUID | None]) -> list[Live]:
    found = Worker.objects.order_by("host", "pid")
    # A host is its name, the boot and the container: the name tells a person which.
    return [
        Live(f"{worker.host.partition('/')[0]}:{worker.pid}", worker.seen_at, running[worker.id], worker.breakers)
        for worker in found
    ]


def _breakers(workers: list[Live]) -> list[tuple[str, str, bool]]:
    """Each brain, its breaker's state in all workers, and whether it is closed in all."""
    states: dict[str, Counter[str]] = {}
    for worker in workers:
        for alias, state in worker.breakers.items():
            states.setdefault(alias, Counter())[state] += 1
    return [
        (
            alias,
            next(iter(of)) if len(of) == 1 else ", ".join(f"{state} in {n}" for state, n in of.items()),
            set(of) == {"closed"},
        )
        for alias, of in states.items()
    ]
