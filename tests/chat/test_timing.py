"""Tokens leave as they come. These measure time and run alone."""

from __future__ import annotations

import time

import pytest

from tests.api import Api, Pinned
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.timing

PACE = 0.15


@pytest.mark.parametrize("brain", ["claude", "openai"])
@pytest.mark.parametrize("encoding", ["identity", "gzip, deflate, br"])
def test_each_token_is_seen_within_100_ms(vendored: Server, vendor: Vendor, brain: str, encoding: str) -> None:
    api = Pinned(vendored.url, brain)
    api.warm_up()
    session = api.start()
    vendor.base = Scenario(words=12, pace=PACE)
    reply = api.stream(session, "Hello", **{"Accept-Encoding": encoding})
    sent = vendor.turns[-1].sent_at
    tokens = [at for frame, at in zip(reply.frames, reply.times, strict=True) if "token" in frame]
    assert len(tokens) == len(sent) == 12
    delays = [seen - left for seen, left in zip(tokens, sent, strict=True)]
    assert max(delays) < 0.1, delays
    assert tokens[-1] - tokens[0] > 10 * PACE


def test_the_first_byte_comes_before_the_first_token(vendored: Server, vendor: Vendor) -> None:
    vendor.base = Scenario(words=3, wait=2.0)
    api = Api(vendored.url)
    session = api.start()
    body = {"session_id": session, "message": "Hello"}
    began = time.monotonic()
    with api.http.stream("POST", "/chat/stream", json=body) as response:
        parts = response.iter_raw()
        assert next(parts).startswith(b":")
        first = time.monotonic() - began
        assert b"token" in next(parts)
        token = time.monotonic() - began
    assert first < 1.0
    assert token >= 2.0
