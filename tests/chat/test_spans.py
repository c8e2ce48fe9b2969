"""The ranges of the dashboard: whole steps of the clock, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chat import spans
from chat.spans import Span

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "step", "steps"), [("1h", 60, 60), ("24h", 3600, 24), ("7d", 3600, 168), ("30d", 3600, 720)]
)
def test_a_range_ends_with_the_step_that_is_under_way(name: str, step: int, steps: int) -> None:
    span, wrong = spans.asked({"range": name}, NOW)
    assert (span.step, len(span.steps), wrong) == (step, steps, "")
    assert span.until - timedelta(seconds=step) <= NOW < span.until
    assert span.steps[0] == span.since.timestamp()
    assert span.steps[-1] == span.until.timestamp() - step


@pytest.mark.parametrize(
    ("since", "until", "step", "steps"),
    [
        ("2026-02-01T10:30", "2026-02-01T12:00", 60, 90),
        ("2026-02-01 00:30", "2026-02-02 00:30", 3600, 25),
        ("2026-01-01", "2026-03-01", 86_400, 59),
        ("2026-02-01T10:00+02:00", "2026-02-01T09:00", 60, 60),
    ],
)
def test_own_times_are_utc_and_their_length_makes_the_step(since: str, until: str, step: int, steps: int) -> None:
    span, wrong = spans.asked({"range": "own", "from": since, "to": until}, NOW)
    assert (span.name, span.step, len(span.steps), wrong) == ("own", step, steps, "")
    assert span.since.tzinfo == span.until.tzinfo == UTC


@pytest.mark.parametrize(
    "values",
    [
        {"range": "2y"},
        {"range": "own"},
        {"range": "own", "from": "2026-02-02", "to": "2026-02-01"},
        {"range": "own", "from": "2026-02-01", "to": "2026-02-01"},
        {"range": "own", "from": "2024-02-01", "to": "2026-02-01"},
        {"range": "own", "from": "1960-02-01", "to": "1960-02-03"},
        {"range": "own", "from": "0001-01-01T00:00+14:00", "to": "soon"},
    ],
    ids=lambda values: ",".join(values.values()),
)
def test_what_is_no_range_is_said_and_the_usual_one_shown(values: dict[str, str]) -> None:
    span, wrong = spans.asked(values, NOW)
    assert wrong
    begins, ends = (NOW.replace(minute=0, second=0) + timedelta(hours=hours) for hours in (-23, 1))
    assert span == spans.asked({}, NOW)[0] == Span("24h", begins, ends, 3600)
