"""Text as it may be stored and shown."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from brains.cleaning import Cleaner

ANY = st.characters(codec=None, categories=None) | st.sampled_from("\0\ud83e\udd70\udfff\ud800aå🫐")


def cleaned(*deltas: str) -> str:
    cleaner = Cleaner()
    return "".join([*(cleaner.clean(delta) for delta in deltas), cleaner.rest()])


@given(st.lists(st.text(ANY, max_size=8), max_size=8))
def test_whatever_comes_goes_on_as_text_that_can_be_stored(deltas: list[str]) -> None:
    text = cleaned(*deltas)
    text.encode()
    assert "\0" not in text


@given(st.text(), st.lists(st.integers(0, 30)))
def test_good_text_stays_as_it_is_also_where_pairs_are_cut_in_two(text: str, cuts: list[int]) -> None:
    text = text.replace("\0", "")
    units = text.encode("utf-16-le")
    places = [0, *sorted({cut * 2 for cut in cuts if cut * 2 < len(units)}), len(units)]
    halves = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in pairwise(places)]
    assert cleaned(*halves) == text


def test_nul_is_taken_out() -> None:
    assert cleaned("a\0b", "\0") == "ab"


def test_a_half_that_stays_alone_is_replaced() -> None:
    assert cleaned("a\ud83e", "b", "\udd70", "\ud83e") == "a\ufffdb\ufffd\ufffd"


def test_text_that_is_clean_is_handed_on_as_it_came() -> None:
    text = "just words"
    assert Cleaner().clean(text) is text
