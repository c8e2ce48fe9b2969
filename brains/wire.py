"""Server-sent events, from bytes: an incremental decoder.

Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream". Two readings differ from a browser's: data stay
bytes, for the JSON parser that follows checks the UTF-8 (invalid bytes must be an error, not U+FFFD); `id` and `retry`
are dropped, for a reply cannot be resumed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LIMIT = 2_097_152
"""Bytes that one event may have."""

_LINE_END = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"


class BrokenStream(ValueError):
    """What arrives is no event stream that we would read: an event without end."""


class Event(NamedTuple):
    """One event; `type` is empty where the stream names none."""

    type: bytes
    data: bytes


class Decoder:
    """`feed` takes bytes, however they were cut, and returns the events that they complete.

    What the end of the stream leaves incomplete is dropped, as the standard says.
    """

    __slots__ = ("_after_cr", "_data", "_head", "_limit", "_line", "_pending", "_type")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._head: bytes | None = b""  # the first bytes, until they are known not to be a BOM
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._type = b""
        self._data: list[bytes] = []
        self._pending = 0  # bytes in _line and _data
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in `chunk`. Raises BrokenStream for one larger than the limit."""
        if self._head is not None and not (chunk := self._without_bom(chunk)):
            return []
        events: list[Event] = []
        start = 0
        if b"\r" in chunk or self._after_cr:
            self._read_lines(chunk, events)
            return events
        if self._line or self._data or self._type:
            start = self._read_lines(chunk, events, to_boundary=True)
        end = chunk.rfind(b"\n\n", start)
        if end >= 0:
            for block in chunk[start:end].split(b"\n\n"):
                self._read_block(block, events)
            start = end + 2
        if start < len(chunk):
            self._read_lines(chunk[start:], events)
        return events

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _read_block(self, block: bytes, events: list[Event]) -> None:
        """Lines that end in LF, with the empty line that ends an event taken off: nearly all that vendors send."""
        if len(block) <= self._limit:
            if block.startswith(b"event: "):
                end = block.find(b"\n")
                if end > 0 and block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 7) < 0:
                    events.append(Event(block[7:end], block[end + 7 :]))
                    return
            elif block.startswith(b"data: ") and block.find(b"\n") < 0:
                events.append(Event(b"", block[6:]))
                return
        for line in block.split(b"\n"):
            self._read_line(line, events)
        self._read_line(b"", events)

    def _read_lines(self, chunk: bytes, events: list[Event], *, to_boundary: bool = False) -> int:
        """Read line by line, to the end or to the first empty line; return where that was."""
        start = 0
        if self._after_cr:
            self._after_cr = False
            start = 1 if chunk.startswith(b"\n") else 0
        for ending in _LINE_END.finditer(chunk, start):
            line = chunk[start : ending.start()]
            if self._line:
                line = b"".join((*self._line, line))
                self._pending -= sum(map(len, self._line))
                self._line.clear()
            start = ending.end()
            self._read_line(line, events)
            if to_boundary and not line:
                return start
        self._after_cr = chunk.endswith(b"\r")
        if start < len(chunk):
            self._line.append(chunk[start:])
            self._hold(len(chunk) - start)
        return len(chunk)

    def _read_line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event(self._type, b"\n".join(self._data)))
                self._data.clear()
            self._type, self._pending = b"", 0
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._hold(len(value) + 1)
        elif name == b"event":
            self._type = value.removeprefix(b" ")
            self._hold(0)

    def _hold(self, size: int) -> None:
        self._pending += size
        if self._pending + len(self._type) > self._limit:
            raise BrokenStream(f"An event of over {self._limit} bytes.")
