"""What is refused as a body, and how."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.bodies import parse_object
from problems import Invalid

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | storable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(storable, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(storable, values, max_size=4))
def test_an_object_comes_through_as_it_is(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value).encode()) == value
    assert parse_object(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_clear_refusal(body: bytes) -> None:
    try:
        found: object = parse_object(body)
    except Invalid as problem:
        found = problem
    assert isinstance(found, dict) or (isinstance(found, Invalid) and found.message)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse_object(body)


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udfffb"])
@pytest.mark.parametrize(
    "shape", ['{{"message": "{0}"}}', '{{"message": {{"in": ["{0}"]}}}}', '{{"message": {{"{0}": 1}}}}']
)
def test_what_no_database_stores_is_refused_by_field(text: str, shape: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_object(shape.format(text).encode())
    assert list(caught.value.fields) == ["message"]
