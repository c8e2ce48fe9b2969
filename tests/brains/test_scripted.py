"""The brain without a model."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains.errors import BrainMisconfigured
from brains.scripted import lore, reply, topic_of
from brains.types import Line, Prompt, Script
from tests.brains.thinking import prompt, said_by, scripted
from tests.vendor import Vendor

SERGEANT = Script(
    openers=("Listen up, recruit!",),
    replies={"sleep": ("Lights out at ten. “{about}” is no excuse.",), "other": ("“{about}”? Move!",)},
    closers=("Dismissed!",),
)


def said(*texts: str, script: Script = SERGEANT) -> str:
    return reply(Prompt((), prompt(*texts).lines, script))


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("I can't sleep, I lie awake until three", "sleep"),
        ("Jeg får ikke sove om natten", "sleep"),
        ("My knee hurts when I run", "pain"),
        ("Jeg er så sliten", "recovery"),
        ("What should I eat for breakfast?", "food"),
        ("I'm so stressed", "stress"),
        ("HELLO!", "greeting"),
        ("The tax returns of medieval Bergen", "other"),
        ("", "other"),
    ],
)
def test_a_topic_is_known_by_its_words_in_english_and_norwegian(message: str, topic: str) -> None:
    assert topic_of(message) == topic


def test_it_answers_in_the_speakers_voice_about_what_was_said() -> None:
    assert said("I sleep badly. Any ideas?") == (
        "Listen up, recruit! Lights out at ten. “I sleep badly” is no excuse. Dismissed!"
    )
    assert said("My tax returns") == "Listen up, recruit! “My tax returns”? Move! Dismissed!"


def test_the_same_lines_get_the_same_reply_and_the_next_turn_another() -> None:
    hello = said("I want to sleep", script=Script())
    assert said("I want to sleep", script=Script()) == hello
    assert said("I want to sleep", hello, "I want to sleep", script=Script()) != hello


def test_the_reply_does_not_change_from_one_process_to_the_next() -> None:
    assert said("I want to sleep", script=Script()).startswith("I hear you. On “I want to sleep”: ")


def test_braces_of_the_user_are_only_words() -> None:
    assert "“{about} {0} %s”" in said("{about} {0} %s")


def test_a_long_message_is_quoted_in_part() -> None:
    text = said("word " * 6000)
    assert len(text) < 200
    assert "word …”" in text


SCRIPTS = st.builds(
    Script,
    openers=st.lists(st.sampled_from(["Hi.", " ", ""]), max_size=2).map(tuple),
    replies=st.dictionaries(
        st.sampled_from(["sleep", "other", "greeting"]), st.lists(st.just("{about}"), max_size=2).map(tuple)
    ),
    closers=st.lists(st.sampled_from(["Bye.", ""]), max_size=2).map(tuple),
)


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=3), SCRIPTS)
def test_there_is_always_something_to_say(texts: list[str], script: Script) -> None:
    lines = [Line("user", text) for text in texts]
    assert reply(Prompt((), tuple(lines), script)).strip()


def test_it_speaks_word_by_word(vendor: Vendor) -> None:
    heard = said_by(scripted(vendor), prompt("I sleep badly"))
    assert len(heard.deltas) > 10
    assert all(delta.strip() and " " not in delta.rstrip() for delta in heard.deltas)
    assert heard.text == reply(prompt("I sleep badly"))
    assert heard.usages[0].output_tokens == len(heard.text) // 4


@pytest.mark.timing
def test_it_speaks_at_its_pace(vendor: Vendor) -> None:
    begun = time.monotonic()
    heard = said_by(scripted(vendor, words_per_second=100), prompt("I sleep badly"))
    assert time.monotonic() - begun == pytest.approx((len(heard.deltas) - 1) / 100, abs=0.15)


def test_every_topic_has_words_and_replies_for_all() -> None:
    replies = lore().script.replies
    assert set(replies) == {*lore().topics, "other"}
    assert all(text.strip() for texts in replies.values() for text in texts)
    assert lore().bare | lore().alone <= set(replies)


@pytest.mark.parametrize(
    "message", ["I squat and lift a lot, but my knee hurts", "Kneet gjør vondt når jeg løper og trener styrke"]
)
def test_pain_comes_before_training_and_is_answered_without_cheering(message: str) -> None:
    coach = Script(
        openers=("MOVE IT!",), replies={"pain": ("Stop. See a doctor.",), "strength": ("Lift!",)}, closers=("Again!",)
    )
    assert topic_of(message) == "pain"
    assert said(message, script=coach) == "Stop. See a doctor."


def test_it_makes_up_no_json_for_a_schema(vendor: Vendor) -> None:
    heard = said_by(scripted(vendor), replace(prompt("My knee hurts"), schema={"type": "object"}))
    assert type(heard.error) is BrainMisconfigured
    assert "config" in str(heard.error)
    assert not heard.kinds
