"""The arithmetic of measurements, and a row of the table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What CPU time falls with the number of words: µs a word, and ms for all that a turn costs besides."""

    per_token_us: float
    per_turn_ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `reached` is None where there is nothing to reach, or nothing to compare with."""

    figure: str
    measured: str
    beside: str = ""
    reach: str = ""
    reached: bool | None = None


def fit(short: tuple[float, float], long: tuple[float, float]) -> Cost:
    """From (words, CPU seconds a turn) of short and long replies: the slope, and what is left at no words."""
    slope = (long[1] - short[1]) / (long[0] - short[0])
    return Cost(slope * 1e6, (short[1] - slope * short[0]) * 1e3)


def median(costs: Sequence[Cost]) -> Cost:
    """Of each figure by itself."""
    return Cost(statistics.median(c.per_token_us for c in costs), statistics.median(c.per_turn_ms for c in costs))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` per cent of all do not exceed (nearest rank). ValueError where there is none."""
    if not values:
        raise ValueError("There are no values.")
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]
