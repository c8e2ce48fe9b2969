"""Who thinks: the brain asked for, then the fallbacks; within deadlines, behind breakers."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from pytest_django import Settings

from brains.errors import (
    BrainBusy,
    BrainEmpty,
    BrainError,
    BrainInterrupted,
    BrainMisconfigured,
    BrainTimeout,
    BrainUnavailable,
    ContextTooLong,
)
from brains.retries import NO_RETRIES
from brains.router import Router
from brains.types import Answering, TextDelta
from tests.brains.thinking import Heard, prompt, run, turn
from tests.vendor import Vendor

pytestmark = pytest.mark.usefixtures("routed")


def names(heard: Heard) -> list[tuple[str, bool]]:
    return [(answering.alias, answering.fallback) for answering in heard.answering]


# --- One brain ----------------------------------------------------------------------------------------------------
def test_the_brain_is_named_first_and_then_heard_whole(vendor: Vendor) -> None:
    sent = vendor.next(words=5)
    heard = turn()
    assert heard.kinds == ["Answering", "TextDelta", "Usage", "Stop"]
    assert heard.answering == [Answering("claude", "claude-sonnet-5-5", False)]
    assert heard.text == sent.text


def test_an_alias_that_the_settings_lost_is_a_misconfiguration() -> None:
    heard = turn(alias="gone")
    assert type(heard.error) is BrainMisconfigured
    assert heard.answering == [Answering("gone", "", False)]


def test_a_missing_key_is_named() -> None:
    assert "SOME_KEY" in str(turn(alias="keyless").error)


@pytest.mark.parametrize("deltas", [("",), (" ", "\n", "\0")])
@pytest.mark.parametrize("stop", ["complete", "truncated"])
def test_a_reply_without_a_word_is_an_error_and_shows_nothing(vendor: Vendor, deltas: Any, stop: Any) -> None:
    vendor.next(deltas=deltas, stop=stop)
    heard = turn()
    assert type(heard.error) is BrainEmpty
    assert heard.kinds == ["Answering"]


def test_a_refusal_without_a_word_is_an_end(vendor: Vendor) -> None:
    vendor.next(deltas=("",), stop="refused")
    assert turn().stop == "refused"


def test_blank_text_before_the_first_word_comes_with_it(vendor: Vendor) -> None:
    vendor.next(deltas=("\n", " ", "word", " ", "\n"))
    heard = turn()
    assert heard.text == "\n word \n"
    assert all(not delta.isspace() for delta in heard.deltas[:1])


def test_text_is_cleaned_on_its_way(vendor: Vendor) -> None:
    vendor.next(deltas=("a\0b", "\0", "\ud83e", "\udd70", "c", "\ud83e"), odd=frozenset({"ascii"}))
    heard = turn()
    assert heard.text == "ab🥰c\ufffd"
    assert all(heard.deltas)


# --- Deadlines ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("knobs", [{"wait_headers": 30.0}, {"wait": 30.0}, {"stall": 0}], ids=str)
def test_a_first_word_that_does_not_come_times_out(vendor: Vendor, settings: Settings, knobs: Any) -> None:
    settings.COACH_FIRST_TOKEN_TIMEOUT = 0.3
    vendor.next(**knobs)
    heard = turn()
    assert type(heard.error) is BrainTimeout
    assert heard.text == ""
    assert vendor.turns[0].over.wait(5)
    assert vendor.turns[0].left_at


def test_a_stall_in_mid_stream_times_out_and_what_was_said_stays(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_IDLE_TIMEOUT = 0.3
    sent = vendor.next(stall=2)
    heard = turn()
    assert type(heard.error) is BrainTimeout
    assert heard.text == "".join(sent.texts[:2])


def test_broken_framing_which_the_http_library_does_not_tell_ends_the_turn_too(
    vendor: Vendor, settings: Settings
) -> None:
    settings.COACH_IDLE_TIMEOUT = 0.3
    vendor.next(odd=frozenset({"badchunks"}), pace=0.05)
    heard = turn()
    assert isinstance(heard.error, BrainUnavailable)
    assert len(heard.deltas) >= 2


def test_pings_do_not_keep_a_turn_alive(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_FIRST_TOKEN_TIMEOUT = 0.3
    vendor.next(deltas=("",) * 1000, pace=0.02, odd=frozenset({"pings"}))
    begun = time.monotonic()
    assert type(turn().error) is BrainTimeout
    assert time.monotonic() - begun < 5


def test_a_reply_that_never_ends_ends_with_the_turns_deadline(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_TURN_TIMEOUT = 0.5
    vendor.next(words=100_000, pace=0.01)
    begun = time.monotonic()
    heard = turn()
    assert type(heard.error) is BrainTimeout
    assert 10 < len(heard.deltas) < 200
    assert time.monotonic() - begun < 5


def test_when_enough_was_heard_the_vendor_is_released(vendor: Vendor) -> None:
    vendor.next(words=1000, pace=0.02)

    async def main() -> None:
        await Router().think("claude", prompt(), lambda event: isinstance(event, TextDelta))
        assert await asyncio.to_thread(vendor.turns[0].over.wait, 5)

    run(main())
    assert vendor.turns[0].left_at


# --- Fallback -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("calls", "knobs"),
    [
        (3, {"status": 500}),
        (3, {"status": 429}),
        (3, {"end": 0}),
        (3, {"fail": 0}),
        (3, {"odd": frozenset({"nohead"})}),
        (1, {"status": 401}),
        (1, {"status": 402}),
        (1, {"deltas": ("",)}),
        (1, {"odd": frozenset({"html"})}),
    ],
    ids=str,
)
def test_a_brain_that_fails_before_its_first_word_passes_the_turn_on(
    vendor: Vendor, settings: Settings, calls: int, knobs: Any
) -> None:
    settings.COACH_FALLBACK = ("claude", "config")
    for _ in range(calls):
        vendor.next(**knobs)
    heard = turn()
    assert heard.stop == "complete"
    assert names(heard) == [("claude", False), ("config", True)]
    assert len(heard.usages) == 1
    assert len(vendor.turns) == calls


def test_a_brain_without_its_key_passes_the_turn_on(settings: Settings) -> None:
    settings.COACH_FALLBACK = ("keyless", "config")
    assert names(turn(alias="keyless")) == [("keyless", False), ("config", True)]


def test_a_stall_passes_the_turn_on(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_FALLBACK = ("config",)
    settings.COACH_FIRST_TOKEN_TIMEOUT = 0.2
    vendor.next(stall=0)
    assert names(turn()) == [("claude", False), ("config", True)]


def test_what_has_begun_is_not_begun_again_by_another(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_FALLBACK = ("config",)
    sent = vendor.next(cut=2)
    heard = turn()
    assert type(heard.error) is BrainInterrupted
    assert names(heard) == [("claude", False)]
    assert heard.text == "".join(sent.texts[:2])


@pytest.mark.parametrize(("knobs", "kind"), [({"status": 413}, ContextTooLong), ({"stop": "refused"}, None)], ids=str)
def test_what_the_next_would_say_too_is_not_passed_on(
    vendor: Vendor, settings: Settings, knobs: Any, kind: type[BrainError] | None
) -> None:
    settings.COACH_FALLBACK = ("config",)
    vendor.next(deltas=("",), **knobs)
    heard = turn()
    assert names(heard) == [("claude", False)]
    assert (type(heard.error) if heard.error else None) is kind


def test_an_exhausted_chain_reports_the_first_brain(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_FALLBACK = ("openai", "keyless")
    vendor.next(status=429, retry_after="70")
    vendor.next(status=401)
    heard = turn()
    assert type(heard.error) is BrainBusy
    assert heard.error.retry_after == 70
    assert names(heard) == [("claude", False), ("openai", True), ("keyless", True), ("claude", False)]


# --- Breaker ------------------------------------------------------------------------------------------------------
def failing_times(vendor: Vendor, router: Router, times: int, **knobs: Any) -> None:
    for _ in range(times):
        vendor.next(**knobs)
        assert turn(router).error


def test_after_failures_in_a_row_the_vendor_is_left_alone_and_the_client_told_for_how_long(vendor: Vendor) -> None:
    router = Router(retries=NO_RETRIES)
    failing_times(vendor, router, 3, status=500)
    heard = turn(router)
    assert type(heard.error) is BrainBusy
    assert 55 <= (heard.error.retry_after or 0) <= 60
    assert len(vendor.turns) == 3


def test_a_brain_that_is_left_alone_is_passed_over_in_a_chain(vendor: Vendor, settings: Settings) -> None:
    router = Router(retries=NO_RETRIES)
    failing_times(vendor, router, 3, status=500)
    settings.COACH_FALLBACK = ("config",)
    assert names(turn(router)) == [("claude", False), ("config", True)]
    assert len(vendor.turns) == 3


def test_after_the_cooldown_a_turn_goes_through_and_brings_it_back(vendor: Vendor, settings: Settings) -> None:
    settings.COACH_BREAKER_COOLDOWN = 0
    router = Router(retries=NO_RETRIES)
    failing_times(vendor, router, 3, status=500)
    assert turn(router).stop == "complete"
    assert turn(router).stop == "complete"


def test_one_brain_left_alone_leaves_the_others_be(vendor: Vendor) -> None:
    router = Router(retries=NO_RETRIES)
    failing_times(vendor, router, 3, status=503)
    assert turn(router, "openai").stop == "complete"


@pytest.mark.parametrize("knobs", [{"status": 401}, {"status": 413}, {"deltas": ("",)}], ids=str)
def test_a_vendor_that_answers_is_not_left_alone_for_what_it_says(vendor: Vendor, knobs: Any) -> None:
    router = Router(retries=NO_RETRIES)
    failing_times(vendor, router, 4, **knobs)
    assert turn(router).stop == "complete"


# --- Logs ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("calls", "knobs"),
    [(1, {"status": 401}), (3, {"status": 529}), (3, {"fail": 0}), (1, {"fail": 2}), (1, {"cut": 2}), (1, {"end": 1})],
    ids=str,
)
def test_a_turns_failure_is_logged_once_with_its_cause_and_nothing_of_anybodys_text(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, calls: int, knobs: Any
) -> None:
    logging.getLogger("brains").addHandler(caplog.handler)
    for _ in range(calls):
        vendor.next(**knobs)
    heard = turn()
    logging.getLogger("brains").removeHandler(caplog.handler)
    lines = {record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING}
    assert heard.error
    assert len(lines) == 1
    assert f"claude failed: {heard.error.code}, calls: {calls} (" in next(iter(lines))
    assert str(knobs.get("status", "")) in next(iter(lines))
    assert "secret" not in caplog.text
    assert "Hello" not in caplog.text
