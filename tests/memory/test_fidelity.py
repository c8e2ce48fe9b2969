"""Whether a fact in other words says what the user said."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import fidelity


@pytest.mark.parametrize(
    ("said", "told", "faithful"),
    [
        ("I ran 5k in 25 minutes.", "Runs 5 km in 25 minutes.", True),
        ("I ran 5k in 25 minutes.", "Runs 5 km in 23 minutes.", False),
        ("My 10k record is 45:10.", "Runs 10 km in 10:45.", False),
        ("I weigh 82,5 kg.", "Weighs 82.5 kg.", True),
        ("I train four times a week.", "Trains 4 times a week.", True),
        ("I train four times a week.", "Trains three times a week.", False),
        ("Jeg trener to ganger i uken.", "Trener 2 ganger i uken.", True),
        ("I want to train twice a week.", "Wants to train two times a week.", True),
        ("I hurt my knee last week.", "Hurt a knee between 2026-11-16 and 2026-11-22.", True),
        ("I hurt my knee last week.", "Hurt a knee in November 2026.", True),
        ("I hurt my knee last week.", "Hurt a knee on 2026-11-09.", False),
        ("I hurt my knee yesterday.", "Hurt a knee on November 22.", True),
        ("I hurt my knee yesterday.", "Hurt a knee on November 21.", False),
        ("I don't eat meat.", "Does not eat meat.", True),
        ("I don't eat meat.", "Eats meat.", False),
        ("Jeg spiser kjøtt.", "Spiser ikke kjøtt.", False),
    ],
)
def test_a_fact_in_other_words_has_the_numbers_the_dates_and_the_not_that_were_said(
    said: str, told: str, faithful: bool
) -> None:
    assert fidelity.is_faithful(told, said, date(2026, 11, 23)) is faithful


def test_a_goals_month_is_one_to_come() -> None:
    said, told = "I want to run a marathon in October.", "Wants to run a marathon in October 2027."
    assert fidelity.is_faithful(told, said, date(2026, 11, 23), ahead=True)
    assert not fidelity.is_faithful(told, said, date(2026, 11, 23))
    assert not fidelity.is_faithful(told.replace("2027", "2029"), said, date(2026, 11, 23), ahead=True)


@given(st.text(max_size=200), st.text(max_size=60))
def test_a_quote_that_is_found_stands_in_the_text(text: str, quote: str) -> None:
    assert fidelity.found_in(text, quote) in text
