"""A vendor that says no, or is busy or broken, before the first word of a reply."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from tests.api import Pinned, frames_of
from tests.faults.conftest import Coach, told
from tests.serving import Server
from tests.vendor import Scenario, Vendor

BUSY = {"status": 429, "error": "rate_limit_error", "code": "rate_limit_exceeded"}
OVERLOADED = {"error": "overloaded_error", "code": "server_is_overloaded"}
BROKEN = {"error": "api_error", "code": "server_error"}
SPENT = {"error": "billing_error", "code": "insufficient_quota", "says": "Your credit balance is secret and too low."}
TOO_LONG = {"error": "invalid_request_error", "says": "The prompt is too long: a secret number of tokens."}


def followed(url: str, brain: str) -> list[tuple[float, bytes]]:
    """A turn of this brain: the parts of its body, each with the time from the request to it (s)."""
    api = Pinned(url, brain)
    session = api.start()
    began = time.monotonic()
    with api.http.stream("POST", "/chat/stream", json={"session_id": session, "message": "Hello"}) as response:
        return [(time.monotonic() - began, part) for part in response.iter_raw()]


@pytest.mark.timing
def test_row_04_the_first_byte_comes_at_once_and_pings_until_the_first_token(vendored: Server, vendor: Vendor) -> None:
    vendor.base = Scenario(wait=16.5)
    with ThreadPoolExecutor(2) as pool:
        for parts in pool.map(lambda brain: followed(vendored.url, brain), ["claude", "openai"]):
            assert parts[0][0] <= 1
            token = min(at for at, part in parts if b"token" in part)
            pings = [at for at, part in parts if part.startswith(b": ping")]
            assert token >= 16.5
            assert pings
            assert all(later - earlier <= 15.5 for earlier, later in pairwise([0.0, *pings, token]))
            *tokens, end = frames_of(b"".join(part for _, part in parts))
            assert "".join(frame["token"] for frame in tokens) == vendor.base.text
            assert end["status"] == "complete"


@pytest.mark.parametrize(
    ("code", "knobs"),
    [
        *(("provider_config", {"status": status, "error": "some_error"}) for status in (400, 401, 403, 404)),
        ("context_too_long", {"status": 400, "code": "context_length_exceeded", **TOO_LONG}),
        ("context_too_long", {"status": 413, "error": "request_too_large"}),
    ],
    ids=str,
)
def test_row_08_a_vendor_that_refuses_is_asked_once_and_the_client_told_not_to_try_again(
    suffering: Coach, code: str, knobs: Any
) -> None:
    suffering.turn(told(**knobs), status="failed", code=code)


@pytest.mark.parametrize(
    ("code", "knobs"),
    [
        ("provider_busy", BUSY),
        ("provider_busy", {"status": 503}),
        ("provider_busy", {"status": 529, **OVERLOADED}),
        ("provider_error", {"status": 500}),
        ("provider_error", {"status": 502}),
        ("provider_error", {"odd": "nohead"}),
        ("provider_error", {"odd": "hangup"}),
    ],
    ids=str,
)
def test_row_09_a_busy_or_broken_vendor_is_asked_three_times_then_told_of(
    suffering: Coach, code: str, knobs: Any
) -> None:
    begun = time.monotonic()
    suffering.turn(told(**knobs), status="failed", code=code, calls=3)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("status", [429, 503, 500])
def test_row_09_a_short_wait_that_the_vendor_asks_for_is_kept(suffering: Coach, status: int) -> None:
    suffering.turn(told(status=status, retry_after="1"), told(words=4), status="complete", calls=2)
    first, second = suffering.asked_at
    assert second - first >= 1


@pytest.mark.parametrize(("status", "code"), [(429, "provider_busy"), (503, "provider_busy"), (500, "provider_error")])
def test_row_09_a_long_wait_is_left_to_the_client(suffering: Coach, status: int, code: str) -> None:
    begun = time.monotonic()
    suffering.turn(told(status=status, retry_after="60"), status="failed", code=code)
    assert time.monotonic() - begun < 20
    suffering.vendor.behave(told(status=status, retry_after="60"))
    assert suffering.api.message(suffering.api.start(), "Hello").headers["retry-after"] == "60"


@pytest.mark.parametrize("knobs", [BUSY, {"status": 500}, {"odd": "nohead"}, {"odd": "hangup"}], ids=str)
def test_row_10_what_fails_twice_and_then_works_is_done_and_said_once(suffering: Coach, knobs: Any) -> None:
    good = told(words=9, pace=0.01)
    reply = suffering.turn(told(**knobs), told(**knobs), good, status="complete", calls=3)
    assert reply.text == good.text
    assert reply.end["fallback"] is False


@pytest.mark.parametrize("knobs", [{"status": 402, **SPENT}, {"status": 429, **SPENT}, {"fail": 0, **SPENT}], ids=str)
def test_row_11_a_quota_that_is_used_up_is_told_after_one_call(suffering: Coach, knobs: Any) -> None:
    suffering.turn(told(**knobs), status="failed", code="provider_quota")


@pytest.mark.parametrize(
    ("code", "knobs"), [("provider_busy", OVERLOADED), ("provider_error", BROKEN)], ids=["busy", "broken"]
)
def test_row_14_an_error_as_the_first_event_is_like_an_error_status(suffering: Coach, code: str, knobs: Any) -> None:
    suffering.turn(told(fail=0, **knobs), status="failed", code=code, calls=3)
    good = told(words=5)
    reply = suffering.turn(told(fail=0, **knobs), told(fail=0, **knobs), good, status="complete", calls=3)
    assert reply.text == good.text
