"""What a vendor's stream may hold, and how a reply may end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from brains.types import MOST_TOKENS
from tests.faults.conftest import Coach, told

ODD_TEXT = ("Først ", "", "én—", "🫐 ", "å" * 3000, ' "x"\\\n\n', "<b>\u2028</b> ", "til slutt")


@pytest.mark.parametrize("stop", ["truncated", "context"])
def test_row_18_a_reply_that_a_limit_has_cut_is_done_and_can_be_gone_on_with(suffering: Coach, stop: Any) -> None:
    cut = told(words=5, stop=stop)
    reply = suffering.turn(cut, status="truncated")  # the next turn's prompt holds it
    assert reply.text == cut.text


@pytest.mark.parametrize("stop", ["refused", "filtered"])
def test_row_19_a_refusal_after_some_text_keeps_it_and_is_forgotten(suffering: Coach, stop: Any) -> None:
    refused = told(words=4, stop=stop)
    reply = suffering.turn(refused, status="refused")
    assert reply.text == refused.text


@pytest.mark.parametrize("stop", ["refused", "filtered"])
def test_row_19_a_refusal_without_a_word_gets_one_friendly_sentence(suffering: Coach, stop: Any) -> None:
    texts = {suffering.turn(told(deltas=("",), stop=stop), status="refused").text for _ in range(2)}
    assert len(texts) == 1


@pytest.mark.parametrize("stop", ["tool", "pause"])
def test_row_20_text_beside_a_tool_or_a_pause_is_kept_and_nothing_hangs(suffering: Coach, stop: Any) -> None:
    begun = time.monotonic()
    said = told(words=4, stop=stop)
    reply = suffering.turn(said, status="complete")
    assert reply.text == said.text
    assert b'{\\"' not in reply.raw
    assert time.monotonic() - begun < 20


def test_row_21_thinking_is_nowhere(suffering: Coach) -> None:
    said = told(words=6, odd="thinking")
    reply = suffering.turn(said, status="complete")
    assert reply.text == said.text
    suffering.turn(told(words=6, odd="thinking", cut=2), status="interrupted", code="provider_interrupted")
    suffering.turn(told(deltas=("",), odd="thinking"), status="failed", code="empty_reply")
    asked = [call for call in suffering.vendor.turns if "secret" in str(call.body)]
    assert not asked  # log and database are read when the server ends


def test_a_count_of_tokens_that_no_column_holds_keeps_no_reply_from_being_stored(suffering: Coach) -> None:
    said = told(words=4, odd="overcounted")
    reply = suffering.turn(said, status="complete")
    assert reply.text == said.text
    assert reply.end["usage"]["output_tokens"] == MOST_TOKENS


@pytest.mark.parametrize("deltas", [("",), (" ", "\n", "\u3000"), ("\0",)], ids=ascii)
def test_row_22_an_empty_reply_is_told_and_leaves_no_blank_message(suffering: Coach, deltas: tuple[str, ...]) -> None:
    suffering.turn(told(deltas=deltas), status="failed", code="empty_reply")


@pytest.mark.parametrize(
    "knobs",
    [
        {"newline": "\r\n"},
        {"newline": "\r"},
        {"odd": "multiline"},
        {"odd": "nospace"},
        {"odd": "gzip"},
        {"odd": "split"},
        {"odd": "joined"},
        {"odd": "pings unknown comments bom"},
        {"odd": "twoblocks"},
        {"odd": "null nousage nodone"},
        {"odd": "ascii noframing"},
        {"odd": "multiline nospace gzip split pings null", "newline": "\r\n"},
    ],
    ids=lambda knobs: "-".join(f"{value.encode().hex() if value.isspace() else value}" for value in knobs.values()),
)
def test_row_23_what_is_odd_but_legal_gives_the_text_exactly_as_sent(suffering: Coach, knobs: Any) -> None:
    odd = told(deltas=ODD_TEXT, **knobs)
    reply = suffering.turn(odd, status="complete")
    assert reply.text == odd.text
