"""A circuit breaker: what fails again and again is left alone for a while, then tried by one.

closed     calls go through; `failures` in a row open it
open       nothing goes through for `cooldown` seconds
half-open  one call goes through, the probe: its first word closes the breaker, its failure opens it anew
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half-open"]


class Breaker:
    """For one brain of one process. `cooldown` and the clock are in seconds."""

    def __init__(self, failures: int, cooldown: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._opened_until: float | None = None
        self._probe: Attempt | None = None
        self._era = 0  # grows when it opens: what began before that says nothing of now

    @property
    def state(self) -> State:
        if self._opened_until is None:
            return "closed"
        return "half-open" if self._probe or self._clock() >= self._opened_until else "open"

    @property
    def retry_in(self) -> float:
        """Seconds until a call may go through: at least that of a probe under way, 1."""
        if self._opened_until is None:
            return 0
        return 1 if self._probe else max(0, self._opened_until - self._clock())

    def begin(self) -> Attempt | None:
        """A try's own Attempt, to be told how it went; or None: do not call."""
        if self._opened_until is None:
            return Attempt(self, self._era)
        if self._probe or self._clock() < self._opened_until:
            return None
        self._probe = Attempt(self, self._era)
        return self._probe

    def _worked(self, attempt: Attempt, *, whole: bool) -> None:
        if attempt is self._probe:
            self._probe, self._opened_until, self._failures = None, None, 0
        elif whole and attempt.era == self._era and self._opened_until is None:
            self._failures = 0

    def _failed(self, attempt: Attempt) -> None:
        if attempt is self._probe:
            self._open()
        elif attempt.era == self._era and self._opened_until is None:
            self._failures += 1
            if self._failures >= self._limit:
                self._open()

    def _dropped(self, attempt: Attempt) -> None:
        if attempt is self._probe:
            self._probe = None

    def _open(self) -> None:
        self._probe = None
        self._failures = 0
        self._era += 1
        self._opened_until = self._clock() + self._cooldown


class Attempt:
    """One turn's try, however many calls it makes.

    `spoke` may be told at its first word; exactly one of the others is told at its end.
    """

    __slots__ = ("_breaker", "era")

    def __init__(self, breaker: Breaker, era: int) -> None:
        self._breaker = breaker
        self.era = era

    @property
    def outdated(self) -> bool:
        """Whether the breaker has opened since this began: then it is no time to ask once more."""
        return self.era != self._breaker._era

    def spoke(self) -> None:
        self._breaker._worked(self, whole=False)

    def succeeded(self) -> None:
        self._breaker._worked(self, whole=True)

    def failed(self) -> None:
        self._breaker._failed(self)

    def dropped(self) -> None:
        """It was ended from our side: that tells nothing."""
        self._breaker._dropped(self)
