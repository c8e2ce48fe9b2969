"""The decoder of server-sent events."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brains.wire import BrokenStream, Decoder, Event


def decoded(stream: bytes, cuts: Iterable[int] = (), limit: int = 10_000) -> list[Event]:
    """The events of a stream that arrives cut at these places."""
    decoder = Decoder(limit)
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    return [event for a, b in pairwise(places) for event in decoder.feed(stream[a:b])]


def reference(stream: bytes) -> list[Event]:
    """The standard, read slowly: the whole stream at once, line by line."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[Event] = []
    kind = b""
    data: list[bytes] = []
    for line in text.split(b"\n")[:-1]:  # what follows the last line end is no line yet
        if not line:
            if data:
                events.append(Event(kind, b"\n".join(data)))
            kind, data = b"", []
        elif not line.startswith(b":"):
            name, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if name == b"event":
                kind = value
            elif name == b"data":
                data.append(value)
    return events


LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data:",
        b"data:  x",
        b"event: e",
        b"event:",
        b": note",
        b":",
        b"id: 1",
        b"x: y",
        b"data: \xc3\xa5\xff",
        b"\xef\xbb\xbfdata: late",
        *[b""] * 3,
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.builds(
    lambda bom, lines, tail: bom + b"".join(line + end for line, end in lines) + tail,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, ENDS), max_size=25),
    st.sampled_from([b"", b"data: unfinished", b"\r"]),
)
LF_STREAMS = st.lists(LINES, max_size=25).map(lambda lines: b"".join(line + b"\n" for line in lines))


@given(st.one_of(STREAMS, LF_STREAMS), st.lists(st.integers(0, 400), max_size=40))
@example(b"data: a\r\n\r\ndata: b\r\r", [8, 9, 10])
@example(b"\xef\xbb\xbfdata: a\n\n", [1, 2])
@example(b"event: e\n\ndata: a\n\n\ndata: b\n\n", [])
def test_events_are_those_of_the_standard_however_the_bytes_are_cut(stream: bytes, cuts: list[int]) -> None:
    assert decoded(stream, cuts) == reference(stream)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=20))
def test_any_bytes_at_all_are_read_as_the_standard_says(stream: bytes, cuts: list[int]) -> None:
    assert decoded(stream, cuts) == reference(stream)


def test_an_event_names_its_type_and_joins_its_data_lines() -> None:
    assert decoded(b"event: delta\ndata: {\ndata: }\n\n") == [Event(b"delta", b"{\n}")]


def test_many_events_in_one_chunk_all_come_out_in_order() -> None:
    stream = b"".join(b"event: e\ndata: %d\n\n" % number for number in range(500))
    assert [event.data for event in decoded(stream)] == [b"%d" % number for number in range(500)]


def test_an_event_comes_out_with_its_last_byte_and_not_before() -> None:
    decoder = Decoder()
    stream = b"event: e\ndata: x\n\n"
    assert [len(decoder.feed(stream[n : n + 1])) for n in range(len(stream))] == [0] * (len(stream) - 1) + [1]


def test_an_event_ended_by_cr_alone_does_not_wait_for_the_next_byte() -> None:
    assert Decoder().feed(b"data: x\r\r") == [Event(b"", b"x")]


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + b"x" * 120,
        b"data: 0123456789\n" * 20,
        b"x" * 300,
        b"event: " + b"e" * 300 + b"\n",
        b"\r" + b"y" * 300,
    ],
    ids=["one line", "many lines", "a line of no field", "a type", "after a bare CR"],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_event_that_does_not_end_is_refused_at_the_limit(stream: bytes, step: int) -> None:
    with pytest.raises(BrokenStream):
        decoded(stream, range(0, len(stream), step), limit=100)


def test_a_finished_event_over_the_limit_is_refused_too() -> None:
    with pytest.raises(BrokenStream):
        decoded(b"data: " + b"x" * 200 + b"\n\n", limit=100)


def test_the_limit_is_of_one_event_and_not_of_the_stream() -> None:
    assert len(decoded(b"data: 0123456789\n\n" * 100, range(0, 1800, 11), limit=50)) == 100


def test_an_event_just_under_two_megabytes_is_read() -> None:
    decoder = Decoder()
    stream = b"data: " + b"x" * 2_000_000 + b"\n\n"
    events = [
        event for start in range(0, len(stream), 16_384) for event in decoder.feed(stream[start : start + 16_384])
    ]
    assert [len(event.data) for event in events] == [2_000_000]
