"""Facts that change, by the coaching sets: the newer goes first; and a prompt is told nothing that has nothing to do with it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import coaching, memory_facts
from memory import currency, recall
from memory.currency import Recalled, newer_first, ranked
from tests.memory.conversations import owner, remembered

NOW = datetime(2026, 6, 15, tzinfo=UTC)


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("of", coaching.SETS)
def test_what_changed_is_found_as_it_is_now(of: str, language: str) -> None:
    figures = memory_facts.changed(memory_facts.told(of, language), of, language)
    assert figures.new_in_first >= 0.8 * figures.asked
    assert figures.old_above <= 0.15 * figures.asked


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_prompt_is_told_what_bears_on_it_and_nothing_else(language: str) -> None:
    figures = memory_facts.prompted(memory_facts.told("third", language), language)
    assert figures.with_evidence >= 0.9 * figures.related
    assert figures.untold >= 0.85 * figures.unrelated


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["what should I eat today", "Hello", "thanks", "ok, next", "Good morning, coach!", "plan my week"]
)
def test_who_never_spoke_of_it_is_told_nothing(text: str) -> None:
    days = {
        "2026-06-15": ("My knee hurts when I run.", "Take it easy, then."),
        "2026-06-14": ("I ran 8 km today.", "Well done!"),
    }
    whose = remembered("kari", days)
    assert told(whose.pk, text) == []
    assert told(whose.pk, "My knee is bad again") == ["My knee hurts when I run."]


def told(owner_id: int, text: str) -> list[str]:
    """What a prompt is told, of what the user said."""
    values = recall.values_of(owner_id, text, NOW, 8, gate=recall.GATE)
    found = recall.recalled(recall.rows(values), text, 8)
    return [one.text for one in found if one.role == "user" and one.itself > 0]


@pytest.mark.database
@pytest.mark.django_db
def test_who_has_said_nothing_is_told_nothing() -> None:
    assert told(owner("nobody").pk, "How is my knee?") == []


@pytest.mark.database
@pytest.mark.django_db
def test_the_newer_goes_first_but_where_the_past_is_asked_for() -> None:
    days = {
        "2026-02-01": ("My best 10k is 52 minutes.", "Nice."),
        "2026-05-20": ("Ran the 10k in 49 minutes now!", "Wow."),
    }
    whose = remembered("kari", days)
    first, second = (texts[0] for texts in days.values())

    def order(question: str) -> list[str]:
        return [one.text for one in recall.recall(whose.pk, question, NOW, 10) if one.text in (first, second)]

    assert order("What is my 10k record?") == [second, first]
    assert order("What was my best 10k before?") == [first, second]


@pytest.mark.database
@pytest.mark.django_db
def test_what_is_named_by_an_answer_is_followed() -> None:
    days = {
        "2026-02-01": ("My boyfriend is Jonas.", "Nice."),
        "2026-05-20": ("Jonas packed his things and is gone.", "Oh no."),
    }
    whose = remembered("kari", days)
    found = [one.text for one in recall.recall(whose.pk, "Who is my boyfriend?", NOW, 10)]
    assert found[:2] == [days["2026-05-20"][0], days["2026-02-01"][0]]


@pytest.mark.parametrize(
    ("question", "now"),
    [
        ("What is my 10k record?", True),
        ("Hva er rekorden min?", True),
        ("How is the knee?", True),
        ("Hvor ofte trener hun?", True),
        ("What's his half marathon PB?", True),
        ("What was my record before?", False),
        ("What did I run in 2025?", False),
        ("Hva var rekorden min før?", False),
        ("What is Caroline's job?", False),
        ("How does Caroline feel about her job?", False),
        ("What is Caroline's current job?", True),
        ("What do you recommend?", False),
    ],
)
def test_a_question_about_the_past_or_someone_else_wants_no_news(question: str, now: bool) -> None:
    assert currency.asks_for_now(question) is now


@given(st.lists(st.tuples(st.integers(1, 28), st.floats(0, 10), st.booleans()), max_size=12))
def test_nothing_is_lost_or_doubled_by_the_order(said: list[tuple[int, float, bool]]) -> None:
    found = [
        Recalled(
            message=UUID(int=place),
            session=UUID(int=0),
            role="user" if user else "assistant",
            text=f"{place} is now",
            at=datetime(2026, 6, day, tzinfo=UTC),
            score=float(-place),
            itself=itself,
        )
        for place, (day, itself, user) in enumerate(said)
    ]
    for ordered in (newer_first(found), ranked(found, "How is it?")):
        assert sorted(one.text for one in ordered) == sorted(one.text for one in found)
