"""The range of time that the dashboard shows, in steps of the clock. All times are UTC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86_400

CHOICES = {"1h": ("1 hour", HOUR), "24h": ("24 hours", DAY), "7d": ("7 days", 7 * DAY), "30d": ("30 days", 30 * DAY)}
USUAL = "24h"

OWN = "own"
FINE, COARSE = 6 * HOUR, 32 * DAY
"""Up to the one a step is a minute, beyond the other a day."""

LONGEST = timedelta(days=366)
WRONG = "Give both times as YYYY-MM-DD HH:MM (UTC), the earlier one first, at most 366 days apart."


@dataclass(frozen=True, slots=True)
class Span:
    """Turns that began from `since` on and before `until`; `step` in seconds, `name` a key of CHOICES or OWN."""

    name: str
    since: datetime
    until: datetime
    step: int

    @property
    def steps(self) -> range:
        """Where steps begin, in seconds since 1970; the first and the last may lie in the span in part only."""
        first, last = int(self.since.timestamp()) // self.step, math.ceil(self.until.timestamp() / self.step)
        return range(first * self.step, last * self.step, self.step)


def asked(values: Mapping[str, str], now: datetime) -> tuple[Span, str]:
    """The span that a query asks for, and what is wrong with it: then it is the usual one."""
    name = values.get("range", USUAL)
    if name == OWN:
        own = _own(values.get("from", ""), values.get("to", ""))
        return (own, "") if own else (_latest(USUAL, now), WRONG)
    if name not in CHOICES:
        return _latest(USUAL, now), "There is no such range."
    return _latest(name, now), ""


def _latest(name: str, now: datetime) -> Span:
    """Whole steps, of which the last is under way."""
    length = CHOICES[name][1]
    step = MINUTE if length <= FINE else HOUR
    end = (int(now.timestamp()) // step + 1) * step
    return Span(name, datetime.fromtimestamp(end - length, UTC), datetime.fromtimestamp(end, UTC), step)


def _own(since: str, until: str) -> Span | None:
    try:
        first, last = _utc(since), _utc(until)
    except (ValueError, OverflowError):
        return None
    if not (first.year >= 1970 and timedelta(0) < last - first <= LONGEST):
        return None
    length = (last - first).total_seconds()
    step = MINUTE if length <= FINE else HOUR if length <= COARSE else DAY
    return Span(OWN, first, last, step)


def _utc(text: str) -> datetime:
    time = datetime.fromisoformat(text.strip())
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
