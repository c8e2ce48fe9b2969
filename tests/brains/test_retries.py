"""A brain that fails before its first word is asked again, a little later, at most twice."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from brains.errors import (
    BrainBusy,
    BrainEmpty,
    BrainError,
    BrainGarbled,
    BrainInterrupted,
    BrainMisconfigured,
    BrainQuotaExceeded,
    BrainTimeout,
    BrainUnavailable,
    ContextTooLong,
)
from brains.retries import NO_RETRIES, Retries
from brains.router import Router
from problems import by_code
from tests.brains.thinking import AT_ONCE, hear_turn, run, turn
from tests.vendor import Vendor

pytestmark = pytest.mark.usefixtures("routed")


def odd(*words: str) -> frozenset[str]:
    return frozenset(words)


# --- The policy ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [BrainUnavailable, BrainBusy, BrainInterrupted])
def test_what_may_pass_is_asked_again_twice_each_time_after_a_longer_pause(kind: type[BrainError]) -> None:
    shortest, longest = Retries(chance=lambda: 0), Retries(chance=lambda: 1)
    assert [shortest.pause(kind(), calls, 0, 300) for calls in (1, 2, 3)] == [0.25, 0.5, None]
    assert [longest.pause(kind(), calls, 0, 300) for calls in (1, 2, 3)] == [0.5, 1.0, None]


@pytest.mark.parametrize(
    "kind", [BrainMisconfigured, BrainQuotaExceeded, ContextTooLong, BrainTimeout, BrainEmpty, BrainGarbled]
)
def test_what_would_come_again_or_took_long_enough_is_not_asked_again(kind: type[BrainError]) -> None:
    assert Retries().pause(kind(), 1, 0, 300) is None


def test_no_pause_is_like_the_others() -> None:
    pauses = {Retries().pause(BrainBusy(), 1, 0, 300) for _ in range(20)}
    assert len(pauses) > 10


@given(
    calls=st.integers(1, 4),
    elapsed=st.floats(0, 20),
    left=st.floats(-1, 20),
    chance=st.floats(0, 1),
    wait=st.none() | st.integers(0, 20),
)
def test_a_retry_begins_within_its_window_and_the_turn_and_never_before_the_vendor_wants_it(
    calls: int, elapsed: float, left: float, chance: float, wait: int | None
) -> None:
    pause = Retries(chance=lambda: chance).pause(BrainBusy(retry_after=wait), calls, elapsed, left)
    if pause is not None:
        assert pause >= (wait or 0)
        assert elapsed + pause <= 10
        assert pause < left
        assert calls <= 2
    elif calls <= 2 and wait is None:
        assert elapsed > 9 or left <= 1


def test_the_time_that_goes_without_saying_is_not_what_the_vendor_asked_for() -> None:
    assert (BrainBusy().retry_after, BrainBusy().wait) == (5, None)
    assert Retries(chance=lambda: 0).pause(BrainBusy(), 1, 0, 300) == 0.25


# --- One brain ----------------------------------------------------------------------------------------------------
PASSING = [
    *({"status": status} for status in (408, 409, 429, 500, 502, 503, 504, 529)),
    {"odd": odd("nohead")},
    {"cut": 0},
    {"drop": 0},
    {"end": 0},
    {"fail": 0, "error": "overloaded_error", "code": "server_is_overloaded"},
    {"fail": 0, "error": "api_error", "code": "server_error"},
]
STANDING = [
    *({"status": status} for status in (307, 400, 401, 402, 403, 404, 413)),
    {"status": 429, "error": "billing_error", "code": "insufficient_quota", "says": "credit balance"},
    {"fail": 0, "error": "billing_error", "code": "insufficient_quota"},
    {"odd": odd("html")},
    {"deltas": ("", "", "late"), "odd": odd("malformed")},
    {"deltas": ("", "", "late"), "odd": odd("badutf8")},
    {"deltas": ("",)},
]


@pytest.mark.parametrize("alias", ["claude", "openai"])
@pytest.mark.parametrize("knobs", PASSING, ids=str)
def test_two_failures_that_pass_are_not_noticed(vendor: Vendor, alias: str, knobs: Any) -> None:
    for _ in range(2):
        vendor.next(**knobs)
    sent = vendor.next(words=5)
    heard = turn(alias=alias)
    assert heard.kinds == ["Answering", "TextDelta", "Usage", "Stop"]
    assert heard.text == sent.text
    assert len(vendor.turns) == 3


@pytest.mark.parametrize("alias", ["claude", "openai"])
@pytest.mark.parametrize("knobs", PASSING, ids=str)
def test_the_third_failure_is_told(vendor: Vendor, alias: str, knobs: Any) -> None:
    for _ in range(3):
        vendor.next(**knobs)
    heard = turn(alias=alias)
    assert isinstance(heard.error, BrainUnavailable)
    assert heard.kinds == ["Answering"]
    assert len(vendor.turns) == 3


@pytest.mark.parametrize("alias", ["claude", "openai"])
@pytest.mark.parametrize("knobs", STANDING, ids=str)
def test_what_stands_is_told_after_one_call(vendor: Vendor, alias: str, knobs: Any) -> None:
    vendor.next(**knobs)
    assert turn(alias=alias).error
    assert len(vendor.turns) == 1


@pytest.mark.parametrize("alias", ["claude", "openai"])
@pytest.mark.parametrize("knobs", [{"cut": 1}, {"drop": 1}, {"end": 1}, {"fail": 1}], ids=str)
def test_nothing_is_asked_again_once_something_was_said(vendor: Vendor, alias: str, knobs: Any) -> None:
    vendor.next(**knobs)
    heard = turn(alias=alias)
    assert type(heard.error) is BrainInterrupted
    assert len(heard.deltas) == len(vendor.turns) == 1


@pytest.mark.parametrize("knobs", [{"wait_headers": 30.0}, {"wait": 30.0}], ids=str)
def test_what_kept_us_waiting_is_not_asked_again(vendor: Vendor, settings: Settings, knobs: Any) -> None:
    settings.COACH_FIRST_TOKEN_TIMEOUT = 0.2
    vendor.next(**knobs)
    assert type(turn().error) is BrainTimeout
    assert len(vendor.turns) == 1


def test_the_calls_of_a_turn_are_apart(vendor: Vendor) -> None:
    vendor.next(status=500)
    vendor.next(status=429, retry_after="1")
    assert turn(Router()).stop == "complete"
    first, second, third = (call.at for call in vendor.turns)
    assert second - first >= 0.25
    assert third - second >= 1


@pytest.mark.parametrize("status", [429, 500])
def test_a_vendor_that_wants_a_long_pause_is_not_asked_again_and_the_client_told_for_how_long(
    vendor: Vendor, status: int
) -> None:
    vendor.next(status=status, retry_after="11")
    begun = time.monotonic()
    heard = turn(Router())
    assert time.monotonic() - begun < 5
    assert heard.error
    assert heard.error.retry_after == 11
    assert len(vendor.turns) == 1


def test_a_pause_never_outlasts_the_turn(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_TURN_TIMEOUT = 3
    vendor.next(status=503, retry_after="4")
    heard = turn(Router())
    assert type(heard.error) is BrainBusy
    assert len(vendor.turns) == 1


def waiting(paused: asyncio.Event, seconds: float) -> Retries:
    """One retry after so long, and an event for the beginning of the pause."""

    def chance() -> float:
        paused.set()
        return 0

    return Retries(pauses=((seconds, seconds),), chance=chance)


def test_stopping_in_a_pause_ends_at_once_and_tells_nothing_of_the_brain(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_BREAKER_FAILURES, settings.COACH_BREAKER_COOLDOWN = 1, 0
    paused = asyncio.Event()
    router = Router(retries=waiting(paused, 9))

    async def main() -> float:
        task = asyncio.create_task(hear_turn(router))
        await paused.wait()
        begun = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return time.monotonic() - begun

    vendor.next(cut=1)
    assert turn(router).error
    vendor.next(status=500)
    assert router.breakers()["claude"] == "half-open"
    assert run(main()) < 1
    assert len(vendor.turns) == 2
    assert router.breakers()["claude"] == "half-open"
    assert turn(router).stop == "complete"
    assert router.breakers()["claude"] == "closed"


# --- Beside the breaker -------------------------------------------------------------------------------------------
def test_a_turn_counts_once_for_the_breaker_whatever_its_calls(vendor: Vendor) -> None:
    router = Router(retries=AT_ONCE)
    states = []
    for _ in range(3):
        for _ in range(3):
            vendor.next(status=500)
        assert type(turn(router).error) is BrainUnavailable
        states.append(router.breakers()["claude"])
    assert states == ["closed", "closed", "open"]
    assert len(vendor.turns) == 9


def test_a_turn_that_a_retry_has_saved_counts_as_good(vendor: Vendor) -> None:
    router = Router(retries=AT_ONCE)
    for failures in itertools.islice(itertools.cycle((2, 3, 3)), 6):
        for _ in range(failures):
            vendor.next(status=500)
        turn(router)
    assert router.breakers()["claude"] == "closed"


def test_a_brain_that_others_have_found_broken_meanwhile_is_not_asked_again(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_BREAKER_FAILURES = 1
    paused = asyncio.Event()
    router = Router(retries=waiting(paused, 0.5))

    async def main() -> None:
        one = asyncio.create_task(hear_turn(router))
        await paused.wait()
        other = await hear_turn(router)
        assert type(other.error) is BrainInterrupted
        assert type((await one).error) is BrainUnavailable

    vendor.next(status=500)
    vendor.next(cut=1)
    run(main())
    assert router.breakers()["claude"] == "open"
    assert len(vendor.turns) == 2


def test_states_of_breakers_are_told_by_alias_those_never_asked_too(vendor: Vendor, settings: Settings) -> None:
    router = Router(retries=NO_RETRIES)
    assert router.breakers() == dict.fromkeys(("claude", "openai", "config", "keyless"), "closed")
    for _ in range(3):
        vendor.next(status=500)
        turn(router)
    assert router.breakers() == {"claude": "open", "openai": "closed", "config": "closed", "keyless": "closed"}
    settings.COACH_BREAKER_COOLDOWN = 0
    for _ in range(3):
        vendor.next(status=500)
        turn(router, "openai")
    assert router.breakers() == {"claude": "open", "openai": "half-open", "config": "closed", "keyless": "closed"}


# --- Told again ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [BrainUnavailable, BrainGarbled, BrainBusy, BrainInterrupted, BrainMisconfigured])
def test_a_stored_code_is_told_again_as_it_was_told(kind: type[BrainError]) -> None:
    told, again = kind(), by_code(kind.code)
    assert (again.status, again.retryable, again.message) == (told.status, told.retryable, told.message)
