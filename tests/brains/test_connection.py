"""What happens when a vendor's answer is odd, wrong or cut: the same for every brain that has a vendor."""

from __future__ import annotations

import contextlib
import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from brains import connection
from brains.errors import (
    BrainBusy,
    BrainError,
    BrainGarbled,
    BrainInterrupted,
    BrainMisconfigured,
    BrainQuotaExceeded,
    BrainTimeout,
    BrainUnavailable,
    ContextTooLong,
)
from brains.types import StopReason
from tests.brains.thinking import KEYED, Build, Heard, said_by
from tests.vendor import Vendor

keyed = pytest.mark.parametrize("build", KEYED.values(), ids=KEYED)


def odd(*words: str) -> frozenset[str]:
    return frozenset(words)


def failure(heard: Heard) -> BrainError:
    """The error, of which nothing that must not be shown is told."""
    assert heard.error is not None
    assert not heard.stops
    assert "secret" not in heard.error.message
    return heard.error


# --- Odd, but legal -----------------------------------------------------------------------------------------------
@keyed
@pytest.mark.parametrize(
    "knobs",
    [
        {"newline": "\r\n"},
        {"newline": "\r"},
        {"odd": odd("multiline")},
        {"odd": odd("nospace")},
        {"odd": odd("bom", "comments")},
        {"odd": odd("gzip")},
        {"odd": odd("split")},
        {"odd": odd("joined")},
        {"odd": odd("pings", "unknown")},
        {"odd": odd("twoblocks")},
        {"odd": odd("ascii")},
        {"odd": odd("noframing")},
        {"odd": odd("null", "nospace", "multiline", "pings", "comments", "split", "gzip"), "newline": "\r\n"},
    ],
    ids=lambda knobs: "-".join(sorted(knobs.get("odd", []))) + str(knobs.get("newline", "")).encode().hex(),
)
def test_an_odd_stream_gives_the_text_exactly_as_sent(build: Build, vendor: Vendor, knobs: dict[str, Any]) -> None:
    sent = vendor.next(deltas=("Først ", "", "én—", "🫐 ", "x" * 5000, " til slutt"), **knobs)
    heard = said_by(build(vendor))
    assert heard.stop == "complete"
    assert heard.text == sent.text
    assert all(heard.deltas)


@keyed
def test_a_token_of_a_megabyte_is_read_whole(build: Build, vendor: Vendor) -> None:
    vendor.next(deltas=("a", "å" * 500_000, "b"))
    heard = said_by(build(vendor))
    assert heard.text == "a" + "å" * 500_000 + "b"


@keyed
def test_thinking_is_never_part_of_the_reply(build: Build, vendor: Vendor) -> None:
    sent = vendor.next(odd=odd("thinking", "unknown"))
    assert said_by(build(vendor)).text == sent.text


# --- Regular ends -------------------------------------------------------------------------------------------------
@keyed
@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("complete", "complete"),
        ("sequence", "complete"),
        ("truncated", "truncated"),
        ("context", "truncated"),
        ("refused", "refused"),
        ("filtered", "refused"),
        ("tool", "complete"),
        ("pause", "complete"),
    ],
)
def test_the_vendors_reason_to_stop_becomes_ours(build: Build, vendor: Vendor, ending: Any, reason: StopReason) -> None:
    sent = vendor.next(stop=ending)
    heard = said_by(build(vendor))
    assert heard.stop == reason
    assert heard.text == sent.text


@keyed
def test_a_refusal_at_once_is_an_end_and_no_error(build: Build, vendor: Vendor) -> None:
    vendor.next(deltas=("",), stop="refused")
    heard = said_by(build(vendor))
    assert (heard.text, heard.stop) == ("", "refused")


@keyed
def test_usage_counts_what_the_vendors_cache_read_and_wrote(build: Build, vendor: Vendor) -> None:
    vendor.next(words=6)
    usage = said_by(build(vendor)).usages[0]
    assert (usage.input_tokens, usage.output_tokens) == (23, 6)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (7, 5)


# --- Error statuses -----------------------------------------------------------------------------------------------
@keyed
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BrainMisconfigured),
        (401, BrainMisconfigured),
        (402, BrainQuotaExceeded),
        (403, BrainMisconfigured),
        (404, BrainMisconfigured),
        (408, BrainUnavailable),
        (413, ContextTooLong),
        (422, BrainMisconfigured),
        (429, BrainBusy),
        (500, BrainUnavailable),
        (502, BrainUnavailable),
        (503, BrainBusy),
        (504, BrainUnavailable),
        (529, BrainBusy),
    ],
)
def test_an_error_status_is_translated_after_one_call(
    build: Build, vendor: Vendor, status: int, kind: type[BrainError]
) -> None:
    vendor.next(status=status)
    error = failure(said_by(build(vendor)))
    assert type(error) is kind
    assert error.__cause__ is not None
    assert len(vendor.turns) == 1


@keyed
@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0.2", 1), ("", 5), ("soon", 5), ("-3", 5), ("99999999", 3600)]
)
def test_busy_says_when_to_come_again(build: Build, vendor: Vendor, header: str, seconds: int) -> None:
    vendor.next(status=429, retry_after=header)
    assert failure(said_by(build(vendor))).retry_after == seconds


@keyed
def test_a_broken_vendor_may_say_when_to_come_again(build: Build, vendor: Vendor) -> None:
    vendor.next(status=500, retry_after="7")
    assert failure(said_by(build(vendor))).retry_after == 7
    vendor.next(status=500)
    assert failure(said_by(build(vendor))).retry_after is None


def test_retry_after_may_be_a_date() -> None:
    seconds = connection.retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None
    assert 28 <= seconds <= 31


@keyed
def test_a_redirect_is_not_followed(build: Build, vendor: Vendor) -> None:
    vendor.next(status=307)
    assert type(failure(said_by(build(vendor)))) is BrainGarbled
    assert len(vendor.requests) == 1


# --- No answer, or nonsense ---------------------------------------------------------------------------------------
@keyed
def test_a_server_that_is_not_there_is_unavailable(build: Build, vendor: Vendor) -> None:
    brain = build(vendor, base_url="http://127.0.0.1:9/v1")
    assert type(failure(said_by(brain))) is BrainUnavailable


@keyed
def test_a_reset_before_the_headers_is_unavailable_and_no_timeout(build: Build, vendor: Vendor) -> None:
    vendor.next(odd=odd("nohead"))
    assert type(failure(said_by(build(vendor)))) is BrainUnavailable


@keyed
def test_a_page_in_place_of_a_stream_is_not_shown(build: Build, vendor: Vendor) -> None:
    vendor.next(odd=odd("html"))
    heard = said_by(build(vendor))
    assert type(failure(heard)) is BrainGarbled
    assert heard.text == ""


@keyed
@pytest.mark.parametrize("word", ["malformed", "badutf8"])
def test_a_frame_that_cannot_be_read_is_an_error_and_what_was_said_stays(
    build: Build, vendor: Vendor, word: str
) -> None:
    vendor.next(deltas=("a", "b", "c"), odd=odd(word))
    heard = said_by(build(vendor))
    assert type(failure(heard)) is BrainGarbled
    assert heard.text == "ab"


@keyed
def test_an_event_without_end_is_an_error(build: Build, vendor: Vendor) -> None:
    vendor.next(deltas=("a", "x" * 3_000_000))
    assert type(failure(said_by(build(vendor)))) is BrainGarbled


@keyed
def test_an_address_that_takes_no_connection_times_out(build: Build, vendor: Vendor) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as guests:
        address = full.getsockname()
        for _ in range(8):  # nobody accepts: once the queue is full, the kernel answers no more
            guest = guests.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(address)
        brain = build(vendor, base_url=f"http://127.0.0.1:{address[1]}/v1", connect_timeout=0.3)
        assert type(failure(said_by(brain))) is BrainTimeout


# --- Cut ----------------------------------------------------------------------------------------------------------
@keyed
@pytest.mark.parametrize(
    "knobs",
    [
        {"cut": 3},
        {"drop": 3},
        {"end": 3},
        {"end": 3, "odd": odd("noframing")},
        {"drop": 3, "odd": odd("gzip")},
    ],
    ids=["reset", "closed", "ended", "ended with the connection", "closed in gzip"],
)
def test_a_stream_that_breaks_is_interrupted_and_what_was_said_stays(
    build: Build, vendor: Vendor, knobs: dict[str, Any]
) -> None:
    sent = vendor.next(**knobs)
    heard = said_by(build(vendor))
    assert type(failure(heard)) is BrainInterrupted
    assert heard.text == "".join(sent.texts[:3])


@keyed
def test_a_stream_that_ends_before_its_first_word_is_interrupted_too(build: Build, vendor: Vendor) -> None:
    vendor.next(end=0)
    assert type(failure(said_by(build(vendor)))) is BrainInterrupted


@keyed
@pytest.mark.parametrize(
    ("knobs", "kind"),
    [
        ({"error": "overloaded_error", "code": "server_is_overloaded"}, BrainBusy),
        ({"error": "rate_limit_error", "code": "rate_limit_exceeded"}, BrainBusy),
        ({"error": "api_error", "code": "server_error"}, BrainUnavailable),
        ({"error": "api_error", "code": "server_error", "odd": odd("failed")}, BrainUnavailable),
        ({"error": "what_is_this", "code": "what_is_this"}, BrainUnavailable),
        ({"error": "billing_error", "code": "insufficient_quota"}, BrainQuotaExceeded),
    ],
)
def test_an_error_as_the_first_event_is_told_by_its_type(
    build: Build, vendor: Vendor, knobs: dict[str, Any], kind: type[BrainError]
) -> None:
    vendor.next(fail=0, **knobs)
    assert type(failure(said_by(build(vendor)))) is kind


@keyed
@pytest.mark.parametrize("error", ["overloaded_error", "api_error", "billing_error"])
def test_an_error_event_in_mid_stream_interrupts(build: Build, vendor: Vendor, error: str) -> None:
    sent = vendor.next(fail=4, error=error, code=error)
    heard = said_by(build(vendor))
    assert type(failure(heard)) is BrainInterrupted
    assert heard.text == "".join(sent.texts[:4])


# --- JSON ---------------------------------------------------------------------------------------------------------
def test_half_a_surrogate_pair_is_kept_for_whoever_puts_it_together() -> None:
    assert connection.parsed(b'{"text": "\\ud83e"}') == {"text": "\ud83e"}


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b'"text"', b"null", b'{"a": 1', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 1} {"b": 2}']
)
def test_what_is_no_json_object_is_an_error_that_does_not_show_it(data: bytes) -> None:
    with pytest.raises(BrainGarbled) as caught:
        connection.parsed(data)
    assert str(caught.value) == BrainGarbled.default_message
