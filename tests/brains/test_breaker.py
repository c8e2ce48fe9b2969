"""The circuit breaker, also against a model of it that a state machine drives."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from brains.breaker import Attempt, Breaker

LIMIT, COOLDOWN = 3, 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(LIMIT, COOLDOWN, clock)


def begun(breaker: Breaker) -> Attempt:
    attempt = breaker.begin()
    assert attempt is not None
    return attempt


def state(breaker: Breaker) -> str:
    return breaker.state


def opened(breaker: Breaker) -> None:
    for _ in range(LIMIT):
        begun(breaker).failed()
    assert state(breaker) == "open"


def test_failures_in_a_row_open_it_and_fewer_do_not(breaker: Breaker) -> None:
    for _ in range(LIMIT - 1):
        begun(breaker).failed()
    assert state(breaker) == "closed"
    begun(breaker).failed()
    assert state(breaker) == "open"
    assert breaker.begin() is None
    assert breaker.retry_in == COOLDOWN


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(LIMIT * 3):
        begun(breaker).failed()
        begun(breaker).succeeded()
    assert state(breaker) == "closed"


def test_words_that_break_off_again_and_again_open_it_too(breaker: Breaker) -> None:
    for _ in range(LIMIT):
        attempt = begun(breaker)
        attempt.spoke()
        attempt.failed()
    assert state(breaker) == "open"


def test_after_the_cooldown_one_may_try_and_one_alone(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += COOLDOWN
    probe = begun(breaker)
    assert state(breaker) == "half-open"
    assert breaker.begin() is None
    probe.succeeded()
    assert state(breaker) == "closed"


def test_the_probes_first_word_lets_the_others_in(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += COOLDOWN
    begun(breaker).spoke()
    assert breaker.begin() is not None


def test_a_probe_that_fails_opens_it_anew(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += COOLDOWN
    begun(breaker).failed()
    assert breaker.retry_in == COOLDOWN
    clock.now += COOLDOWN
    assert breaker.begin() is not None


def test_a_probe_that_was_dropped_leaves_its_place_to_the_next(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += COOLDOWN
    begun(breaker).dropped()
    assert breaker.begin() is not None


def test_what_began_before_it_opened_says_nothing_afterwards(breaker: Breaker, clock: Clock) -> None:
    slow = [begun(breaker) for _ in range(LIMIT + 1)]
    opened(breaker)
    slow[0].succeeded()
    assert state(breaker) == "open"
    clock.now += COOLDOWN
    begun(breaker).succeeded()
    for attempt in slow[1:]:
        attempt.failed()
    assert state(breaker) == "closed"


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin and end in any order while time goes by; a plain model says who may call."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(LIMIT, COOLDOWN, self.clock)
        self.row = 0  # failures in a row
        self.until: float | None = None
        self.probe: Attempt | None = None
        self.born: dict[int, int] = {}
        self.era = 0

    def open(self) -> None:
        self.row, self.probe, self.until = 0, None, self.clock.now + COOLDOWN
        self.era += 1

    def counts(self, attempt: Attempt) -> bool:
        return self.until is None and self.born[id(attempt)] == self.era

    @rule(seconds=st.sampled_from([0.5, 1.0, COOLDOWN - 1, COOLDOWN]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.until is None or (self.probe is None and self.clock.now >= self.until))
    @rule(target=attempts)
    def begins(self) -> Attempt:
        attempt = begun(self.breaker)
        self.born[id(attempt)] = self.era
        if self.until is not None:
            self.probe = attempt
        return attempt

    @precondition(lambda self: self.until is not None and (self.probe is not None or self.clock.now < self.until))
    @rule()
    def is_refused(self) -> None:
        assert self.breaker.begin() is None
        assert 0 < self.breaker.retry_in <= COOLDOWN

    @rule(attempt=attempts)
    def speaks(self, attempt: Attempt) -> None:
        attempt.spoke()
        if attempt is self.probe:
            self.probe, self.until = None, None

    @rule(attempt=consumes(attempts))
    def succeeds(self, attempt: Attempt) -> None:
        attempt.succeeded()
        if attempt is self.probe:
            self.probe, self.until = None, None
        elif self.counts(attempt):
            self.row = 0

    @rule(attempt=consumes(attempts))
    def fails(self, attempt: Attempt) -> None:
        attempt.failed()
        if attempt is self.probe:
            self.open()
        elif self.counts(attempt):
            self.row += 1
            if self.row == LIMIT:
                self.open()

    @rule(attempt=consumes(attempts))
    def is_dropped(self, attempt: Attempt) -> None:
        attempt.dropped()
        if attempt is self.probe:
            self.probe = None

    @invariant()
    def the_state_is_the_models(self) -> None:
        if self.until is None:
            assert self.breaker.state == "closed"
        else:
            tried = self.probe is not None or self.clock.now >= self.until
            assert self.breaker.state == ("half-open" if tried else "open")


TestBreakerMachine = BreakerMachine.TestCase
