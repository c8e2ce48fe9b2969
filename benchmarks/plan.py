"""What a part of the benchmarks is to do, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.figures import Row


@dataclass(frozen=True, slots=True)
class Plan:
    """`streams` at once, opened over `ramp` seconds, replies of `short` and `long` words at `rate` words a second.

    `seconds`: how long a soak takes.
    """

    streams: int
    rounds: int = 5
    ramp: float = 2.0
    short: int = 5
    long: int = 65
    rate: int = 20
    seconds: float = 0

    def warming(self) -> Plan:
        """A little of the same: for what is made at first use, and belongs to no figure."""
        return replace(self, streams=max(1, self.streams // 5), ramp=self.ramp / 5)

    def message(self, words: int) -> str:
        """What makes the stub say that many words."""
        return f"stub-{words}-{self.rate}"


@dataclass(frozen=True, slots=True)
class Curve:
    """What was read over time: (s, value)."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Result:
    """The table's rows, and the figures behind them, ready for JSON.

    For pictures: `bars`, CPU a token (µs) by name; `curves`.
    """

    rows: list[Row]
    figures: dict[str, Any]
    bars: dict[str, float] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
