"""Facts by rules: what must be found, in which slot, and what must not."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import rules
from memory.models import Kind
from tests.memory.sentences import APART, CHANGES, FOUND, NOT_FOUND, SEVERAL

MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize("text", SEVERAL)
def test_of_several_in_a_sentence_each_is_a_fact(text: str) -> None:
    found, told = rules.drawn(text, MONDAY), SEVERAL[text]
    assert {fact.slot: fact.text for fact in found} == told
    assert all(fact.quote in text for fact in found)


@pytest.mark.parametrize(("slot", "text"), [(slot, text) for slot, texts in FOUND.items() for text in texts])
def test_what_a_user_says_of_themselves_is_found_in_its_slot(slot: str, text: str) -> None:
    (fact,) = [fact for fact in rules.drawn(text, MONDAY) if fact.slot == slot]
    assert fact.kind == slot.partition(":")[0]
    assert fact.quote == text


@pytest.mark.parametrize("text", NOT_FOUND)
def test_questions_wishes_others_and_small_talk_are_no_facts(text: str) -> None:
    assert rules.drawn(text, MONDAY) == []


@pytest.mark.parametrize(
    ("text", "told", "since"),
    [
        ("I hurt my knee last week.", "I hurt my knee last week (2026-11-16 to 2026-11-22).", date(2026, 11, 16)),
        ("I sprained my ankle yesterday.", "I sprained my ankle yesterday (2026-11-22).", date(2026, 11, 22)),
        ("Jeg vrikket ankelen i går.", "Jeg vrikket ankelen i går (2026-11-22).", date(2026, 11, 22)),
        ("I hurt my knee in March 2024.", "I hurt my knee in March 2024.", date(2024, 3, 1)),
        (
            "I want to run a marathon next month.",
            "I want to run a marathon next month (2026-12-01 to 2026-12-31).",
            MONDAY,
        ),
        ("I want to run a marathon in October.", "I want to run a marathon in October.", MONDAY),
    ],
)
def test_relative_dates_become_dates_and_tell_since_when(text: str, told: str, since: date) -> None:
    (fact,) = rules.drawn(text, MONDAY)
    assert (fact.text, fact.valid_from) == (told, since)


@pytest.mark.parametrize(
    ("text", "slot", "quote"),
    [
        ("My knee hurts after running, what should I do?", "injury:knee", "My knee hurts after running"),
        ("I train three times a week, is that enough?", "schedule:training", "I train three times a week"),
        ("Jeg har vondt i ryggen, hva bør jeg gjøre?", "injury:back", "Jeg har vondt i ryggen"),
    ],
)
def test_what_is_told_before_a_question_counts(text: str, slot: str, quote: str) -> None:
    assert [(fact.slot, fact.quote) for fact in rules.drawn(text, MONDAY)] == [(slot, quote)]


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_holds_side_by_side_has_slots_apart(one: str, other: str) -> None:
    first, second = ({fact.slot for fact in rules.drawn(text, MONDAY)} for text in (one, other))
    assert first
    assert second
    assert not first & second


@pytest.mark.parametrize(
    ("text", "of_health"),
    [
        ("I want to run a marathon although I have asthma.", True),
        ("I hate running because my knee hurts.", True),
        ("Jeg vil løpe maraton selv om jeg har diabetes.", True),
        ("I weigh 92 kg and want to lose 10 kg.", True),
        ("My goal is the half marathon in May.", False),
        ("I train on Mondays and Wednesdays.", False),
        ("Jeg bor i Bergen.", False),
    ],
)
def test_a_sentence_of_health_is_known_whatever_else_it_says(text: str, of_health: bool) -> None:
    assert rules.of_health(text) is of_health


@pytest.mark.parametrize(
    "words", ["i had", "i have a", "i are just å", "i marathon hurts in", "jeg har nå", "my knee is a"]
)
def test_no_text_takes_long_to_read(words: str) -> None:
    started = time.process_time()
    rules.drawn((words + " ") * 300, MONDAY)
    rules.drawn((words + " ") * (rules.LONGEST // (len(words) + 1)), MONDAY)
    assert time.process_time() - started < 5


def test_a_name_of_any_length_makes_a_slot() -> None:
    (fact,) = rules.drawn("My daughter is called " + "I" + "d" * 300 + "a.", MONDAY)
    assert len(fact.slot) < 80


@given(st.text(max_size=600))
def test_whatever_is_said_a_fact_is_a_part_of_it(text: str) -> None:
    for fact in rules.drawn(text, MONDAY):
        assert fact.quote in text
        assert fact.kind in Kind.values


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_fact_that_changed_is_found_in_the_same_slot(old: str, new: str) -> None:
    assert {fact.slot for fact in rules.drawn(old, MONDAY)} & {fact.slot for fact in rules.drawn(new, MONDAY)}
