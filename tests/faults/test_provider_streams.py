"""A vendor's stream that stalls, breaks, or is none."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.faults.conftest import Coach, told

SAID = ("one ", "two ", "three ")


@pytest.mark.parametrize("knobs", [{"wait_headers": 30.0}, {"wait": 30.0}, {"stall": 0}], ids=str)
def test_row_12_a_stall_before_the_first_token_times_out(suffering: Coach, knobs: Any) -> None:
    begun = time.monotonic()
    suffering.turn(told(**knobs), status="failed", code="provider_timeout")
    assert time.monotonic() - begun < 20


def test_row_12_a_stall_in_mid_stream_times_out_and_what_was_said_is_kept(suffering: Coach) -> None:
    stalled = told(words=9, stall=3, pace=0.01)
    reply = suffering.turn(stalled, status="interrupted", code="provider_timeout")
    assert reply.text == "".join(stalled.texts[:3])


@pytest.mark.parametrize(
    "knobs",
    [
        {"cut": 3},
        {"drop": 3},
        {"fail": 3},
        {"fail": 3, "error": "overloaded_error", "code": "server_is_overloaded"},
        {"fail": 3, "error": "billing_error", "code": "insufficient_quota"},
    ],
    ids=str,
)
def test_row_13_a_break_in_mid_stream_keeps_the_text_and_nobody_begins_again(suffering: Coach, knobs: Any) -> None:
    broken = told(words=9, pace=0.01, **knobs)
    reply = suffering.turn(broken, status="interrupted", code="provider_interrupted")
    assert reply.text == "".join(broken.texts[:3])


@pytest.mark.parametrize("odd", ["", "noframing"])
def test_row_15_a_stream_without_its_final_event_is_never_complete(suffering: Coach, odd: str) -> None:
    ended = told(words=9, end=3, odd=odd)
    reply = suffering.turn(ended, status="interrupted", code="provider_interrupted")
    assert reply.text == "".join(ended.texts[:3])


def test_row_15_a_stream_that_ends_before_its_first_word_is_asked_for_three_times(suffering: Coach) -> None:
    suffering.turn(told(end=0), status="failed", code="provider_interrupted", calls=3)
    reply = suffering.turn(told(end=0), told(end=0), told(words=3), status="complete", calls=3)
    assert reply.text == told(words=3).text


@pytest.mark.parametrize("word", ["malformed", "badutf8"])
def test_row_16_a_frame_that_cannot_be_read_is_an_error_and_what_was_said_is_kept(suffering: Coach, word: str) -> None:
    reply = suffering.turn(told(deltas=SAID, odd=word), status="interrupted", code="provider_error")
    assert reply.text == "one two "


@pytest.mark.parametrize("word", ["malformed", "badutf8"])
def test_row_16_where_nothing_was_said_it_is_not_asked_for_again(suffering: Coach, word: str) -> None:
    suffering.turn(told(deltas=("", "", "late"), odd=word), status="failed", code="provider_error")


def test_row_16_an_event_without_end_is_an_error(suffering: Coach) -> None:
    suffering.turn(told(deltas=("x" * 3_000_000,)), status="failed", code="provider_error")


def test_row_17_a_page_in_place_of_a_stream_is_not_shown(suffering: Coach) -> None:
    reply = suffering.turn(told(odd="html"), status="failed", code="provider_error")
    assert b"html" not in reply.raw


@pytest.mark.parametrize("status", [301, 307])
def test_row_17_a_redirect_is_not_followed(suffering: Coach, status: int) -> None:
    suffering.turn(told(status=status), status="failed", code="provider_error")
    assert not [call for call in suffering.vendor.requests if "elsewhere" in call.path]
