"""The options of a brain's settings entry."""

from __future__ import annotations

import pytest

from brains.errors import BrainMisconfigured
from brains.options import Options


def test_values_are_read_with_their_types_and_defaults() -> None:
    read = Options("x", {"name": "n", "empty": "", "count": 3, "context_tokens": 5})
    assert read.text("name") == read.required("name") == "n"
    assert (read.text("empty", "d"), read.text("absent", "d")) == ("d", "d")
    assert (read.number("count", 1), read.number("size", 1.5)) == (3, 1.5)
    assert read.one_of("kind", ("a", "b"), "b") == "b"
    assert read.url("empty") is None
    read.finish()


@pytest.mark.parametrize("address", ["http://127.0.0.1:5001", "https://host/v1/"])
def test_an_address_is_taken_as_it_is(address: str) -> None:
    assert Options("x", {"url": address}).url("url") == address


@pytest.mark.parametrize("address", ["host", "ftp://host", "http://", "http://host:port", "http://[::1", "http://h:0"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BrainMisconfigured, match="url takes an address"):
        Options("x", {"url": address}).url("url")


@pytest.mark.parametrize("value", ["3", None, True, float("nan"), -1, 0])
def test_what_is_no_number_in_range_is_refused(value: object) -> None:
    with pytest.raises(BrainMisconfigured, match="n takes a number from 1 up"):
        Options("x", {"n": value}).number("n", 1, least=1)


def test_a_choice_that_is_not_offered_is_refused() -> None:
    with pytest.raises(BrainMisconfigured, match="kind takes a or b"):
        Options("x", {"kind": "c"}).one_of("kind", ("a", "b"))


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(BrainMisconfigured, match="name takes text"):
        Options("x", {"name": 3}).text("name")


def test_options_that_nobody_read_are_named() -> None:
    read = Options("claude", {"b": 1, "a": 2})
    with pytest.raises(BrainMisconfigured, match="claude has no option a, b"):
        read.finish()
