"""How vendors' streams are heard, whatever they send: text to the letter, or one of our errors; never another exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brains.claude import _Reply as ClaudeReply
from brains.connection import LONGEST_WAIT, Reader, retry_after
from brains.errors import BrainError
from brains.openai_replies import ChatReply, ResponsesReply
from tests.vendor.formats import FORMATS, Frame
from tests.vendor.scenarios import Scenario

VENDORS: dict[str, Callable[[], Any]] = {
    "/v1/messages": ClaudeReply,
    "/v1/responses": ResponsesReply,
    "/v1/chat/completions": ChatReply,
}
BOUNDED = settings(max_examples=150, deadline=None)

storable = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | storable
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(storable, inner, max_size=3), max_leaves=6
)
newlines = st.sampled_from(["\n", "\r\n", "\r"])
cuts = st.lists(st.integers(0, 4000), max_size=20)
every_vendor = pytest.mark.parametrize("path", VENDORS)


async def nothing() -> AsyncIterator[bytes]:
    for chunk in list[bytes]():
        yield chunk


def heard(path: str, stream: bytes, places: Iterable[int]) -> tuple[str, Any, BrainError | None]:
    """The text, what the stream has told besides, and the error it ended in. Other exceptions are not caught."""
    reply = VENDORS[path]()
    reader = Reader(reply)
    text = ""
    edges = [0, *sorted({place for place in places if 0 < place < len(stream)}), len(stream)]
    for start, end in pairwise(edges):
        text += reader.read(stream[start:end])
        if reader.over:
            break
    try:
        asyncio.run(reader.finish(nothing()))
    except BrainError as error:
        return text, reply, error
    return text, reply, None


def sent(frames: Iterable[Frame], newline: str) -> bytes:
    """As tests.vendor sends them."""
    lines = []
    for frame in frames:
        lines += [f"event: {frame.event}"] if frame.event else []
        lines += [f"data: {frame.data}", ""]
    return "".join(line + newline for line in lines).encode()


@every_vendor
@given(data=st.data())
@BOUNDED
def test_what_is_sent_as_the_vendor_does_is_heard_to_the_letter(path: str, data: st.DataObject) -> None:
    deltas = tuple(data.draw(st.lists(storable.filter(bool), min_size=1, max_size=6), label="deltas"))
    odd = frozenset(data.draw(st.sets(st.sampled_from(["ascii", "thinking", "twoblocks", "null"])), label="odd"))
    scenario = Scenario(deltas=deltas, odd=odd)
    stream = sent(FORMATS[path](scenario, "m"), data.draw(newlines, label="newline"))
    text, reply, error = heard(path, stream, data.draw(cuts, label="cuts"))
    assert error is None
    assert (text, reply.stop) == (scenario.text, "complete")


def changed(draw: Callable[..., Any], value: Any) -> Any:
    """A JSON value with another one somewhere in it."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: changed(draw, value[name])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [changed(draw, value[0]), *value[1:]]
    return draw(values)


@every_vendor
@given(data=st.data())
@BOUNDED
def test_what_is_nearly_as_the_vendor_sends_it_ends_well_or_in_one_of_our_errors(
    path: str, data: st.DataObject
) -> None:
    frames = list(FORMATS[path](Scenario(words=3), "m"))
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        at = data.draw(st.integers(0, len(frames) - 1), label="at")
        told = frames[at].data
        if told.startswith("{"):
            frames[at] = Frame(frames[at].event, json.dumps(changed(data.draw, json.loads(told))))
    stream = bytearray(sent(data.draw(st.permutations(frames) | st.just(frames)), "\n"))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=2)):
        stream[place % len(stream)] = byte
    text, _, error = heard(path, bytes(stream), data.draw(cuts, label="cuts"))
    assert isinstance(text, str)
    assert error is None or error.message


@every_vendor
@given(stream=st.binary(max_size=300), wrapped=st.booleans(), places=cuts)
@BOUNDED
def test_any_bytes_at_all_end_well_or_in_one_of_our_errors(
    path: str, stream: bytes, wrapped: bool, places: list[int]
) -> None:
    _, _, error = heard(path, b"data: " + stream + b"\n\n" if wrapped else stream, places)
    assert error is None or error.message


@given(st.text(max_size=40) | st.integers().map(str) | st.floats().map(str))
@BOUNDED
def test_however_long_a_vendor_asks_us_to_wait_it_is_a_time_or_nothing(value: str) -> None:
    seconds = retry_after({"retry-after": value})
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT
