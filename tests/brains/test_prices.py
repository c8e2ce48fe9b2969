"""What a reply costs, by a file of prices; an amount that nobody knows is None."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from brains import prices
from brains.types import Usage

ROW = """
[[price]]
model = "m-1"
since = {since}
{more}
input = {input}
cache_read = 0.5
cache_write = 2.5
output = 10
source = "a page"
checked = 2026-01-02
"""
TODAY = datetime.now(UTC).date()


def file_of(folder: Path, *rows: tuple[date, str, str]) -> Path:
    path = folder / "prices.toml"
    path.write_text("".join(ROW.format(since=since, more=more, input=amount) for since, more, amount in rows))
    return path


def test_the_models_that_are_asked_unless_others_are_named_have_prices() -> None:
    for alias in ("claude", "openai"):
        model = settings.BRAINS[alias]["OPTIONS"]["model"]
        assert prices.current().find(model, 1_000, TODAY), model
    assert prices.cost("scripted", Usage(100, 100)) == 0


def test_what_the_cache_gave_and_took_has_prices_of_its_own() -> None:
    usage = Usage(1_000_000, 2_000, cache_read_tokens=600_000, cache_write_tokens=100_000)
    expected = Decimal("0.3") * 2 + Decimal("0.6") * Decimal("0.10") + Decimal("0.1") * Decimal("2.5") + Decimal("0.02")
    assert prices.cost("claude-sonnet-5-5", usage) == expected


def test_a_long_prompt_is_paid_for_as_one() -> None:
    at_most, above = (prices.cost("claude-haiku-5-5", Usage(tokens, 0)) for tokens in (100_000, 100_001))
    assert at_most == Decimal("0.01")
    assert above == Decimal("100001") * Decimal("0.50") / 1_000_000


def test_where_a_long_prompts_price_is_not_known_it_has_none() -> None:
    assert prices.cost("gpt-6.1-sol", Usage(272_000, 0)) is not None
    assert prices.cost("gpt-6.1-sol", Usage(272_001, 0)) is None


@pytest.mark.parametrize("model", ["", "m", "m-1-mini", "m-12026-01-01", "gpt"])
def test_a_model_without_a_row_costs_nobody_knows_what(tmp_path: Path, settings: Settings, model: str) -> None:
    settings.COACH_PRICES = file_of(tmp_path, (date(2026, 1, 1), "", "1"))
    assert prices.cost(model, Usage(1, 1)) is None


@pytest.mark.parametrize("model", ["m-1", "m-1-20260101", "m-1-2026-01-01"])
def test_an_own_file_takes_the_shipped_ones_place(tmp_path: Path, settings: Settings, model: str) -> None:
    settings.COACH_PRICES = file_of(tmp_path, (date(2026, 1, 1), "", "4"))
    assert prices.cost(model, Usage(250_000, 0)) == 1
    assert prices.cost("scripted", Usage(1, 1)) is None


def test_a_price_holds_from_its_day_on(tmp_path: Path) -> None:
    old, new = date(2026, 1, 1), date(2026, 6, 1)
    found = prices.read(file_of(tmp_path, (new, "", "2"), (old, "", "1")))
    amounts = {day: found.find("m-1", 1, day) for day in (old - timedelta(1), old, new - timedelta(1), new)}
    assert [row and row.input for row in amounts.values()] == [None, 1, 1, 2]


def test_tokens_that_nobody_counted_cost_nobody_knows_what() -> None:
    assert prices.cost("scripted", None) is None


@given(st.tuples(*[st.integers(0, 10_000_000)] * 4), st.decimals(0, 999, places=6))
def test_a_cost_is_exact_and_fits_its_column(tokens: tuple[int, int, int, int], amount: Decimal) -> None:
    fresh, read, written, output = tokens
    row = prices.Price("m", TODAY, amount, amount, amount, amount, "a page", TODAY)
    cost = row.of(Usage(fresh + read + written, output, read, written))
    assert cost * 1_000_000 == sum(tokens) * amount
    assert cost == round(cost, 12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("input = 4", "input = -1"), "from 0 up"),
        (("input = 4", "input = nan"), "from 0 up"),
        (("input = 4", 'input = "4"'), "from 0 up"),
        (("input = 4", "input = 0.0000001"), "at most 6 decimals"),
        (("output = 10", ""), "lacks output"),
        (("output = 10", "output = 10\nouput = 9"), "there is no ouput"),
        (("since = 2026-01-01", "since = 2026-01-01T00:00:00"), "dates"),
        (("since = 2026-01-01", "since = 2026-01-01\nup_to = 0"), "whole number"),
        (('model = "m-1"', "model = 1"), "model and source are text"),
        (("[[price]]", "[prices]"), "[[price]] tables alone"),
        (("[[price]]", "price = ["), "is not TOML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = file_of(tmp_path, (date(2026, 1, 1), "", "4"))
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(ImproperlyConfigured, match="COACH_PRICES") as caught:
        prices.read(path)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="can't be read"):
        prices.read(tmp_path / "none.toml")


def test_every_shipped_price_says_where_and_when_it_was_read() -> None:
    rows = [row for of in prices.current()._of.values() for row in of]
    assert len(rows) > 5
    for row in rows:
        assert row.source
        assert row.since <= row.checked <= TODAY + timedelta(days=1), row.model
        assert not math.isinf(row.output)
