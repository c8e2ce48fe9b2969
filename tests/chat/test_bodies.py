"""What is refused as a body, and how."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.bodies import parse_object
from problems import Invalid
from tests.api import Api
from tests.serving import Server

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


def strictly(body: bytes) -> dict[str, Any] | None:
    """The object in a body by the json module and the rules that are ours; None for what is to be refused."""

    def storable(value: Any, depth: int = -1) -> bool:
        match value:
            case _ if depth > 20:
                return False
            case str():
                return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
            case float():
                return math.isfinite(value)
            case list():
                return all(storable(part, depth + 1) for part in value)
            case dict():
                return all(storable(key) and storable(part, depth + 1) for key, part in value.items())
        return True

    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and storable(value) else None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
nearly = st.tuples(
    st.dictionaries(st.text(max_size=3), anything, max_size=3).map(lambda value: json.dumps(value).encode()),
    st.integers(0, 200),
    st.binary(max_size=3) | st.sampled_from([b"1e999", b"NaN", b"\\ud800", b"\\u0000", b",", b"]", b'"', b"9" * 5000]),
    st.integers(0, 2),
).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + parts[3] :])


@given(nearly | st.dictionaries(st.text(max_size=3), anything).map(lambda value: json.dumps(value).encode()))
@settings(max_examples=500, deadline=None)
@example(b'{"a": 1e999}')
@example(b'{"a": -1e999}')
@example(b'{"a": 1, "a": 2}')
@example(b'{"a": ' + b"[" * 22 + b"]" * 22 + b"}")
@example(b'{"a": ' + b"[" * 21 + b"]" * 21 + b"}")
@example(b'{"a": ' + b"9" * 5000 + b"}")
def test_just_that_is_taken_which_the_json_module_takes_and_a_database_stores(body: bytes) -> None:
    wanted = strictly(body)
    if wanted is None:
        with pytest.raises(Invalid):
            parse_object(body)
    else:
        assert parse_object(body) == wanted


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_is_none_is_refused_on_both_rooms_paths(coach: Server, number: str) -> None:
    api = Api(coach.url)
    sent = {"Content-Type": "application/json"}
    start = api.http.post("/chat/start", content=f'{{"metadata": {{"a": [{number}]}}}}', headers=sent)
    assert (start.status_code, list(start.json().get("fields", ["metadata"]))) == (400, ["metadata"])
    send = api.http.post("/chat/message", content=f'{{"session_id": "s", "message": "x", "a": {number}}}', headers=sent)
    assert (send.status_code, send.json()["error"]) == (400, "invalid")


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
