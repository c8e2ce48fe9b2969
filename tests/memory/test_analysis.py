"""A text as terms."""

from __future__ import annotations

from datetime import date

import pytest

from benchmarks import coaching
from memory.analysis import Trait, question, utterance, words
from memory.dates import Span, marks, spans
from memory.kinds import kinds, parts, phrases

WEDNESDAY = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("I ran yesterday", "2026-06-09", "2026-06-09"),
        ("Jeg løp i går kveld", "2026-06-09", "2026-06-09"),
        ("two days ago", "2026-06-08", "2026-06-08"),
        ("for tre dager siden", "2026-06-07", "2026-06-07"),
        ("last week", "2026-06-01", "2026-06-07"),
        ("forrige uke", "2026-06-01", "2026-06-07"),
        ("last weekend", "2026-06-06", "2026-06-07"),
        ("next month", "2026-07-01", "2026-07-31"),
        ("i mai", "2026-05-01", "2026-05-31"),
        ("in December", "2025-12-01", "2025-12-31"),
        ("last Friday", "2026-06-05", "2026-06-05"),
        ("på mandag", "2026-06-08", "2026-06-08"),
        ("7 May 2023", "2023-05-07", "2023-05-07"),
        ("May 7th, 2023", "2023-05-07", "2023-05-07"),
        ("7. mai 2023", "2023-05-07", "2023-05-07"),
        ("2023-05-07", "2023-05-07", "2023-05-07"),
        ("in 2022", "2022-01-01", "2022-12-31"),
        ("in March 2024", "2024-03-01", "2024-03-31"),
        ("i mars 2024", "2024-03-01", "2024-03-31"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("three years ago", "2023-01-01", "2023-12-31"),
        ("last summer", "2025-06-01", "2025-08-31"),
        ("next summer", "2027-06-01", "2027-08-31"),
        ("this summer", "2026-06-01", "2026-08-31"),
        ("last spring", "2026-03-01", "2026-05-31"),
        ("next fall", "2026-09-01", "2026-11-30"),
        ("forrige vinter", "2025-12-01", "2026-02-28"),
        ("neste vinter", "2026-12-01", "2027-02-28"),
    ],
)
def test_dates_are_resolved_from_the_day_they_were_said(text: str, first: str, last: str) -> None:
    assert spans(text, WEDNESDAY) == [Span(date.fromisoformat(first), date.fromisoformat(last))]


def test_the_winter_under_way_began_last_year() -> None:
    assert spans("this winter", date(2026, 1, 20)) == [Span(date(2025, 12, 1), date(2026, 2, 28))]


@pytest.mark.parametrize(
    "text", ["2023-02-31", "31 June 2023", "I may go", "march on", "999 years ago", "0001-01-01", "99 June"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert all(span.first.year > 1000 for span in spans(text, WEDNESDAY))


def test_a_day_is_known_by_its_week_month_and_year_too() -> None:
    assert list(marks(Span(WEDNESDAY, WEDNESDAY))) == ["~2026-06-10", "~2026-w24", "~2026-06", "~2026"]


def test_words_are_small_without_endings_of_speech_and_numbers_are_digits() -> None:
    assert [word for word, _ in words("Kari's KNEE didn’t hurt, five times – Øl!")] == [
        "kari",
        "knee",
        "did",
        "hurt",
        "5",
        "times",
        "øl",
    ]


@pytest.mark.parametrize(
    ("word", "kind"), [("kittens", "pet"), ("running", "running"), ("hunden", "pet"), ("peter", ""), ("xyzzy", "")]
)
def test_words_have_kinds_whatever_their_endings(word: str, kind: str) -> None:
    assert kinds(word)[:1] == ((kind,) if kind else ())


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("knesmerter", ("kne", "smerter")),
        ("ryggvondt", ("rygg", "vondt")),
        ("langtur", ("lang", "tur")),
        ("styrkeøkt", ("styrke", "økt")),
        ("treningsøktene", ("trenings", "øktene")),
        ("smerter", ()),
        ("carpet", ()),
        ("daytime", ()),
        ("restaurant", ()),
    ],
)
def test_norwegian_compounds_are_taken_apart(word: str, found: tuple[str, ...]) -> None:
    assert parts(word) == found


def test_no_english_word_is_taken_apart() -> None:
    lines = [line for pair in coaching.talk("en") for line in pair]
    lines += [line for of in coaching.SETS for one in coaching.changes("en", of) for line in (one.old, one.new)]
    assert [word for line in lines for word, _ in words(line) if parts(word)] == []


def test_a_part_of_a_compound_is_looked_for_and_found() -> None:
    said = utterance("Jeg har knesmerter.", WEDNESDAY)
    assert said.terms["kne"] == 2
    assert said.terms["#injury"] == 2
    assert {"kne", "#injury"} <= question("Knesmertene mine?", WEDNESDAY).terms.keys()


def test_words_one_after_the_other_have_a_kind() -> None:
    assert "of-session" in phrases(["i", "worked", "out", "today"])
    assert "of-session" not in phrases(["out", "i", "worked"])
    assert "#of-record" in utterance("10k in 49:12!", WEDNESDAY).terms
    assert "#of-pressure" in utterance("It was 128 over 82.", WEDNESDAY).terms


def test_the_kinds_of_a_word_share_its_weight() -> None:
    asked = question("dog", WEDNESDAY).terms
    assert sum(weight for term, weight in asked.items() if term.startswith("#")) == pytest.approx(asked["dog"])


def test_a_prompt_leaves_out_talk_greetings_and_what_is_to_come() -> None:
    asked = question("Good morning coach, please explain what I should eat today", WEDNESDAY, talking=True)
    assert {term for term in asked.terms if term[0] not in "#~"} & {"morning", "coach", "explain", "eat"} == {"eat"}
    assert not [term for term in asked.terms if term.startswith("~")]
    assert "~2026-06-09" in question("I ran yesterday", WEDNESDAY, talking=True).terms


def test_a_message_keeps_its_words_kinds_dates_and_traits() -> None:
    said = utterance("Hey Coach, in Bergen I adopted 2 kittens yesterday. Cool?", WEDNESDAY, "Kari", ("Kari", "Coach"))
    assert said.terms["kittens"] == 4
    assert said.terms["#pet"] == 2
    assert said.terms["~2026-06-09"] == 4
    assert said.terms["~2026-06-10"] == 2
    assert "coach" not in said.terms
    assert (said.traits, said.talker) == (Trait.TIME | Trait.COUNT | Trait.PLACE | Trait.ASKS, "kari")


def test_a_question_leaves_out_words_of_asking_and_knows_what_would_answer() -> None:
    asked = question("When did Kari mention how many kinds of pets she has?", WEDNESDAY)
    assert {"pets", "#pet"} <= asked.terms.keys()
    assert not {"kinds", "mention", "did", "many"} & asked.terms.keys()
    assert (asked.traits, "kari" in asked.names) == (Trait.TIME | Trait.COUNT, True)


def test_a_question_is_bounded() -> None:
    assert len(question(" ".join(f"word{number}" for number in range(10_000)), WEDNESDAY).terms) <= 64
