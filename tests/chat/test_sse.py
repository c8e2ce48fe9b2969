"""Frames: one line, ASCII, small, and the text to the character."""

from __future__ import annotations

import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from brains.errors import BrainBusy
from brains.types import Usage
from chat import sse
from chat.events import Done, Failed

TURN, USER = UUID(int=1), UUID(int=2)

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


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


@given(st.text(max_size=1000))
def test_a_short_text_is_one_frame_at_once(text: str) -> None:
    part = sse.token(text)
    assert part is None or [part] == list(sse.tokens(text)) or not text
    assert part or len(text) > 300


def test_the_terminal_frame_tells_the_ids_and_the_cost() -> None:
    done = Done(TURN, USER, TURN, "complete", "config", False, Usage(3, 4))
    assert json.loads(sse.frame(sse.terminal(done))[6:]) == {
        "done": True,
        "message_id": f"msg_{TURN.hex}",
        "user_message_id": f"msg_{USER.hex}",
        "turn_id": f"turn_{TURN.hex}",
        "status": "complete",
        "brain": "config",
        "fallback": False,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }


def test_an_error_frame_says_whether_to_retry_and_what_is_kept() -> None:
    assert sse.terminal(Failed(TURN, USER, None, BrainBusy())) == {
        "error": "provider_busy",
        "message": BrainBusy.default_message,
        "retryable": True,
        "message_id": None,
        "user_message_id": f"msg_{USER.hex}",
        "turn_id": f"turn_{TURN.hex}",
    }
