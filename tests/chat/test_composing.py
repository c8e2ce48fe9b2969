"""What a prompt is made of: its order, its room, and that its beginning stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from brains.types import Line, Script
from chat.composing import Composed, composed
from chat.context import NOTHING, Context, Summary
from chat.prompts import CHARS_PER_TOKEN, Utterance
from chat.records import Counted, Scene, Voice
from safety.rules import delivered

VOICE = Voice("calm_coach", "gentle", 1, "You are a calm coach.", "", Script())
SCENE = Scene(
    session=UUID(int=1),
    owner=1,
    named=True,
    language="",
    persona="calm_coach",
    published=True,
    voice=VOICE,
    session_brain="",
    active_brain="claude",
    head=None,
    anchor=None,
    depth=0,
    path_chars=0,
    running=None,
    key_digest="",
    key_turn=None,
    slots=frozenset(),
    rules=delivered(),
    held=False,
    counted=None,
    path=(),
    app="",
    user="someone",
    budgeted=False,
)
FACTS = "What is known of the user:\n- knee hurts since May"


def scene(*texts: str, counted: Counted | None = None) -> Scene:
    """A session with these messages, the user's and the coach's in turn."""
    path, offset = list[Utterance](), 0
    for number, text in enumerate(texts):
        path.append(Utterance("assistant" if number % 2 else "user", text, "complete" if number % 2 else "", offset))
        offset += len(text)
    return replace(SCENE, path=tuple(path), path_chars=offset, depth=len(texts), counted=counted)


def made(found: Scene, context: Context = NOTHING, tokens: int = 1000, text: str = "And now?") -> Composed:
    return composed(found, VOICE, text, context, "claude", tokens)


def test_the_order_is_persona_facts_summary_history_and_what_is_recalled_beside_the_message() -> None:
    found = scene("a" * 900, "b" * 900, "c" * 700, "d" * 700)
    context = Context(
        FACTS, Summary(UUID(int=7), "Before: squats.", 1800), "[2026-05-01, user] my knee", {"facts": ["f1"]}
    )
    prompt = made(found, context).prompt
    assert prompt.system == (VOICE.instructions, FACTS, "Before: squats.")
    assert prompt.lines[:2] == (Line("user", "c" * 700), Line("assistant", "d" * 700))
    assert prompt.lines[-1] == Line("user", "And now?", "[2026-05-01, user] my knee")


def test_what_a_summary_stands_for_is_sent_no_more() -> None:
    found = scene("a" * 900, "b" * 900, "c" * 100, "d" * 100)
    before, after = made(found), made(found, Context(summary=Summary(UUID(int=7), "Before: squats.", 1800)))
    assert before.prompt.lines[0].text == "a" * 900
    assert before.manifest["summary"] is None
    assert after.prompt.system == (VOICE.instructions, "Before: squats.")
    assert after.manifest["summary"] == f"summary_{UUID(int=7).hex}"
    assert [line.text for line in after.prompt.lines] == ["c" * 100, "d" * 100, "And now?"]


def test_where_the_next_summary_is_late_the_window_moves_without_it() -> None:
    found = scene("a" * 900, "b" * 900, *["c" * 700] * 4)
    prompt = made(found, Context(summary=Summary(UUID(int=7), "Before: squats.", 1800))).prompt
    assert prompt.system[-1] == "Before: squats."
    assert [line.text[0] for line in prompt.lines] == ["c", "c", "A"]


def test_the_manifest_tells_ids_and_counts_and_no_text() -> None:
    context = Context(FACTS, None, "[quoted] my secret knee", {"facts": ["f1", "f2"], "recalled": ["msg_1"]})
    manifest = made(scene("how are you", "well, thanks"), context).manifest
    assert manifest["used"] == {"facts": ["f1", "f2"], "recalled": ["msg_1"]}
    assert manifest["history_turns"] == 1
    assert set(manifest["tokens"]) == {"persona", "facts", "summary", "history", "recalled", "message"}
    assert manifest["tokens"]["facts"] == round(len(FACTS) / CHARS_PER_TOKEN)
    told = json.dumps(manifest)
    assert not any(text in told for text in ("knee", "thanks", "calm", "And now"))


def test_what_the_same_brain_counted_before_makes_the_room() -> None:
    texts = ["x" * 100] * 60
    by = {
        counted: len(made(scene(*texts, counted=counted)).prompt.lines)
        for counted in (
            None,
            Counted("claude", 1000, 4000),
            Counted("claude", 1000, 1500),
            Counted("openai", 1000, 1500),
        )
    }
    usual, roomy, tight, foreign = by.values()
    assert tight < usual < roomy
    assert foreign == usual


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 300)), min_size=2, max_size=80),
    st.integers(2000, 4000),
    st.booleans(),
)
def test_turn_by_turn_the_beginning_stays_but_when_the_window_moves(
    turns: list[tuple[int, int]], tokens: int, known: bool
) -> None:
    """Vendors cache a prompt's beginning: what was sent is the beginning of what is sent next, nearly always.

    Each turn says so many characters, and has so many recalled beside it: together at most an eighth of the prompt.
    """
    context = Context(FACTS) if known else NOTHING
    texts, moved, before = list[str](), 0, None
    for said, recalled in turns:
        now = made(scene(*texts), replace(context, aside="r" * recalled), tokens, "m" * said)
        prompt, start = now.prompt, now.manifest["history_from"]
        assert (
            sum(map(len, prompt.system)) + sum(len(line.aside + line.text) for line in prompt.lines)
            <= tokens * CHARS_PER_TOKEN
        )
        if before and start == before[1]:
            assert prompt.system == before[0].system
            kept = len(before[0].lines) - 1
            assert prompt.lines[:kept] == before[0].lines[:kept]
        elif before:
            assert start > before[1]
            moved += 1
        before = prompt, start
        texts += ["m" * said, "m" * said]
    least = tokens * CHARS_PER_TOKEN / 4
    assert moved <= 2 + sum(map(len, texts)) / (least / 2)
