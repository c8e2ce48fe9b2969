"""What a brain is given: whole turns, newest first, alternating, within the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brains.types import Line, Script
from chat.prompts import (
    CHARS_PER_TOKEN,
    LEAST_CHARS_PER_TOKEN,
    MOST_CHARS_PER_TOKEN,
    Exchange,
    Utterance,
    chars_per_token,
    compose,
    exchanges,
    room_for_history,
    window_start,
)

STATUSES = ("complete", "truncated", "refused", "stopped", "interrupted", "failed")


@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_the_window_holds_at_most_the_room_and_at_least_half_of_it(path: int, room: int) -> None:
    kept = path - window_start(path, room)
    assert kept <= room
    if path > room > 2:
        assert kept >= room - room // 2 - 1


@given(st.integers(100, 1000), st.lists(st.integers(1, 50), max_size=60))
def test_the_window_moves_in_large_steps(room: int, lengths: list[int]) -> None:
    path, starts = 0, set()
    for length in lengths:
        path += length
        starts.add(window_start(path, room))
    assert len(starts) <= 2 + max(0, path - room) // (room // 2)


def test_history_has_the_room_that_the_rest_leaves() -> None:
    assert room_for_history(800, ("a" * 50, "b" * 50), "c" * 20) == 800 - 100 - 100
    assert room_for_history(800, ("a" * 50, "b" * 50), "c" * 100) == 800 - 100 - 100
    assert room_for_history(800, ("a" * 50, "b" * 50), "c" * 101) == 800 - 100 - 200
    assert room_for_history(800, ("a" * 50, "b" * 50), "c" * 700) == 0
    assert room_for_history(30, ("a" * 500,), "c") == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_a_vendor_counted_moves_the_estimate_in_steps_within_bounds(chars: int, tokens: int) -> None:
    ratio = chars_per_token(chars, tokens)
    assert LEAST_CHARS_PER_TOKEN <= ratio <= MOST_CHARS_PER_TOKEN
    assert ratio * 2 == int(ratio * 2)
    if tokens < 200:
        assert ratio == CHARS_PER_TOKEN
    elif LEAST_CHARS_PER_TOKEN <= chars / tokens < MOST_CHARS_PER_TOKEN:
        assert ratio <= chars / tokens < ratio + 0.5


utterances = st.builds(
    Utterance,
    st.sampled_from(["user", "assistant"]),
    st.sampled_from(["", " ", "hello", "go on"]),
    st.sampled_from(STATUSES),
)


@given(st.lists(utterances, max_size=20))
def test_lines_alternate_and_none_is_blank(path: list[Utterance]) -> None:
    prompt = compose(("Be kind.",), exchanges(path), "And now?", Script())
    roles = [line.role for line in prompt.lines]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert all(line.text.strip() for line in prompt.lines)
    assert prompt.lines[-1] == Line("user", "And now?")


def test_turns_without_text_and_refused_ones_are_left_out_whole() -> None:
    path = [
        Utterance("user", "one"),
        Utterance("assistant", "first", "complete"),
        Utterance("user", "failed: no reply"),
        Utterance("user", "two"),
        Utterance("assistant", "I'd rather not", "refused"),
        Utterance("user", "three"),
        Utterance("assistant", "half a", "interrupted"),
    ]
    assert exchanges(path) == (Exchange("one", "first"), Exchange("three", "half a"))


def test_a_window_that_begins_with_a_reply_drops_it() -> None:
    assert exchanges([Utterance("assistant", "…and so on", "complete"), Utterance("user", "next")]) == ()
