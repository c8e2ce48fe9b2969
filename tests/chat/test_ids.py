"""Ids: opaque outside, a UUIDv7 inside."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.ids import inside, new_id, outside
from problems import NotFound


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= after


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.uuids())
def test_what_goes_out_comes_in(value: UUID) -> None:
    assert inside("session", outside("session", value)) == value


@given(st.text())
def test_what_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        inside("turn", text)


def test_an_id_of_another_kind_is_not_found() -> None:
    with pytest.raises(NotFound):
        inside("turn", outside("session", new_id()))


@pytest.mark.parametrize("change", [str.upper, lambda text: text + "0", lambda text: text[:-1]])
def test_an_id_has_one_spelling(change: object) -> None:
    assert callable(change)
    digits = outside("msg", new_id()).removeprefix("msg_")
    changed = change(digits)
    if changed != digits:
        with pytest.raises(NotFound):
            inside("msg", f"msg_{changed}")
