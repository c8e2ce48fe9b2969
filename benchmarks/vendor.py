"""A stub of both vendors that costs much less than what is measured: `python -m benchmarks.vendor PORT`.

It streams Anthropic Messages and OpenAI Responses. The last user message shapes the reply: `stub-45-10` gives 45 deltas, 10 a
second (0: as fast as the socket takes them). Each delta is `@` + the microseconds of the monotonic clock when it was written.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass
from typing import cast

import uvloop

KNOBS = re.compile(rb"stub-(\d+)-(\d+)(?!.*stub-\d)", re.DOTALL)
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _event(name: str, **fields: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (
        name.encode(),
        json.dumps({"type": name, **fields}, separators=(",", ":")).encode(),
    )


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


@dataclass(frozen=True, slots=True)
class Format:
    """A stream's events around its deltas; `before` and `after` stand around a delta's text."""

    opening: bytes
    before: bytes
    after: bytes
    closing: bytes


def _anthropic() -> Format:
    usage = {"input_tokens": 20, "output_tokens": 1}
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "stub", "content": [], "usage": usage}
    before, after = _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "|"}).split(b"|")
    return Format(
        opening=_event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
        + _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        before=before,
        after=after,
        closing=_event("content_block_stop", index=0)
        + _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 40})
        + _event("message_stop"),
    )


def _openai() -> Format:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 60,
    }
    response = {
        "id": "resp",
        "object": "response",
        "created_at": 0,
        "model": "stub",
        "output": [],
        "status": "in_progress",
    }
    rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None}
    part = {"type": "output_text", "text": "", "annotations": []}
    where = {"item_id": "msg", "output_index": 0, "content_index": 0, "sequence_number": 1}
    before, after = _event("response.output_text.delta", delta="|", logprobs=[], **where).split(b"|")
    return Format(
        opening=_event("response.created", sequence_number=0, response={**response, **rest})
        + _event("response.content_part.added", part=part, **where),
        before=before,
        after=after,
        closing=_event(
            "response.completed",
            sequence_number=2,
            response={**response, **rest, "status": "completed", "usage": usage},
        ),
    )


FORMATS = {b"/v1/messages": _anthropic(), b"/v1/responses": _openai()}


class Answer(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, found, body = self._request.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        self._request = b""
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        knobs = KNOBS.search(body)
        if path not in FORMATS or not knobs:
            self._transport.write(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
            )
            return
        self._format, self._left, rate = FORMATS[path], int(knobs[1]), int(knobs[2])
        self._step = 1 / rate if rate else 0.0
        self._due = self._loop.time()
        self._transport.write(HEAD + _chunk(self._format.opening))
        self._say()

    def _say(self) -> None:
        form = self._format
        while self._left:
            self._left -= 1
            text = b"@%d " % (time.monotonic_ns() // 1000)
            self._transport.write(_chunk(form.before + text + form.after))
            if self._step:
                self._due += self._step
                self._timer = self._loop.call_at(self._due, self._say)
                return
        self._transport.write(_chunk(form.closing) + b"0\r\n\r\n")


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", port, backlog=8192)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
