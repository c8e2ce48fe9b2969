"""Frames: one line, ASCII, small, and the text to the character."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from brains.errors import BrainBusy
from brains.types import Usage
from chat import sse
from chat.events import Done, Event, Failed, Quiet, Said

TURN, USER = UUID(int=1), UUID(int=2)

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


def encoded(*events: Event) -> list[bytes]:
    async def told() -> AsyncIterator[Event]:
        for event in events:
            yield event

    async def collected() -> list[bytes]:
        return [part async for part in sse.encode(told())]

    return asyncio.run(collected())


@given(st.one_of(anything, st.text('😀\x00"\\é\n', max_size=4000), st.text("a", min_size=4000, max_size=9000)))
def test_frames_join_to_the_text_and_each_is_one_small_line(text: str) -> None:
    parts = list(sse.tokens(text))
    told = ""
    for part in parts:
        assert part.isascii()
        assert len(part) <= sse.FRAME_LIMIT
        assert part.startswith(b"data: ")
        assert part.endswith(b"\n\n")
        assert part.count(b"\n") == 2
        told += json.loads(part[6:])["token"]
    assert told == text
    assert all(json.loads(part[6:])["token"] for part in parts)


def test_a_body_opens_with_a_comment_that_fills_a_buffer() -> None:
    first = encoded()[0]
    assert len(first) >= 512
    assert first.startswith(b":")
    assert first.endswith(b"\n\n")


def test_nothing_follows_the_terminal_frame() -> None:
    done = Done(TURN, USER, TURN, "complete", "config", False, Usage(3, 4))
    parts = encoded(Said("Hi "), Quiet(), done, Said("never"))
    assert parts[1:3] == [b'data: {"token": "Hi "}\n\n', b": ping\n\n"]
    assert json.loads(parts[3][6:]) == {
        "done": True,
        "message_id": f"msg_{TURN.hex}",
        "user_message_id": f"msg_{USER.hex}",
        "turn_id": f"turn_{TURN.hex}",
        "status": "complete",
        "brain": "config",
        "fallback": False,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    assert len(parts) == 4


def test_an_error_frame_says_whether_to_retry_and_what_is_kept() -> None:
    parts = encoded(Failed(TURN, USER, None, BrainBusy()))
    assert json.loads(parts[1][6:]) == {
        "error": "provider_busy",
        "message": BrainBusy.default_message,
        "retryable": True,
        "message_id": None,
        "user_message_id": f"msg_{USER.hex}",
        "turn_id": f"turn_{TURN.hex}",
    }
