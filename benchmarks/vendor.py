"""A stub of both vendors that costs much less than what is measured: `python -m benchmarks.vendor PORT`.

It streams Anthropic Messages, OpenAI Responses and Chat Completions. The last user message shapes the reply: `stub-45-10` gives
45 deltas, 10 a second (0: as fast as the socket takes them); `stub-45-10-hold` says the first one and then nothing until
`GET /release`. Each delta is `@`, the microseconds of the monotonic clock when it was written, and a space; in the first one the
microseconds when the request was read stand behind a comma. `GET /count` tells what streams there are (Count).

`stub-45-10-words` and `stub-45-10-prose` are for readers of Markdown: the first delta is `w` and those microseconds, each later
one `x` and the tenths of milliseconds since then in base 36, about as long as tokens are; each fifteenth ends a sentence. Of
prose each eighth is bold, in brackets, code, or has a colon.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from benchmarks.processes import raise_file_limit

KNOBS = re.compile(rb"stub-(\d+)-(\d+)(?:-(hold|words|prose))?(?!.*stub-\d)", re.DOTALL)
DIGITS = b"0123456789abcdefghijklmnopqrstuvwxyz"
MARKS = (b"**%s** ", b"(%s) ", b"`%s` ", b"%s: ")
CONTROL = (b"/count", b"/release")
MODELS = b"/v1/models/"
"""What brains ask to see whether they are well."""

MODEL = (
    b'{"id": "stub", "type": "model", "display_name": "stub", "created_at": "2026-01-01T00:00:00Z", '
    b'"object": "model", "created": 0, "owned_by": "stub"}'
)
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _event(name: str, **fields: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (
        name.encode(),
        json.dumps({"type": name, **fields}, separators=(",", ":")).encode(),
    )


def chunk(body: bytes) -> bytes:
    """Of a body without a length (RFC 9112, 7.1)."""
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


def _chat() -> Format:
    chunk = {"id": "chatcmpl", "object": "chat.completion.chunk", "created": 0, "model": "stub"}

    def event(choices: list[object], **fields: object) -> bytes:
        return b"data: %s\n\n" % json.dumps({**chunk, "choices": choices, **fields}, separators=(",", ":")).encode()

    def choice(delta: dict[str, str], finish: str | None = None) -> list[object]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    before, after = event(choice({"content": "|"})).split(b"|")
    usage = {"prompt_tokens": 20, "completion_tokens": 40, "total_tokens": 60}
    return Format(
        opening=event(choice({"role": "assistant", "content": ""})),
        before=before,
        after=after,
        closing=event(choice({}, "stop")) + event([], usage=usage) + b"data: [DONE]\n\n",
    )


FORMATS = {b"/v1/messages": _anthropic(), b"/v1/responses": _openai(), b"/v1/chat/completions": _chat()}


@dataclass(slots=True)
class Count:
    """Streams: running, begun in all, cut by their client, and when the last of those was (µs, monotonic; 0: none)."""

    running: int = 0
    begun: int = 0
    cut: int = 0
    last_cut: int = 0


COUNT = Count()
HELD: set[Answer] = set()


class Answer(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = b""
        self._timer: asyncio.TimerHandle | None = None
        self._running = self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        HELD.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._running:
            self._running = False
            COUNT.running -= 1
            COUNT.cut += 1
            COUNT.last_cut = time.monotonic_ns() // 1000

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, found, body = self._request.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        self._request = b""
        self._last = b"connection: close" in head.lower()
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        knobs = KNOBS.search(body)
        if path in CONTROL:
            self._control(path)
        elif path.startswith(MODELS):
            self._whole(b"200 OK", MODEL)
        elif path in FORMATS and knobs:
            self._begin(FORMATS[path], int(knobs[1]), int(knobs[2]), knobs[3] or b"")
        else:
            self._whole(b"404 Not Found", b"{}")

    def _whole(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n" % (status, len(body))
        self._transport.write(head + body)

    def _control(self, path: bytes) -> None:
        self._whole(b"200 OK", json.dumps(asdict(COUNT)).encode())
        if path == b"/release":
            # Spread over a second: they would all speak at the same moments else, which no vendor's streams do.
            for number, held in enumerate(HELD):
                self._loop.call_later(number / len(HELD), held.go_on)
            HELD.clear()
        self._transport.close()

    def _begin(self, form: Format, words: int, rate: int, manner: bytes) -> None:
        COUNT.running += 1
        COUNT.begun += 1
        self._running, self._hold = True, manner == b"hold"
        self._manner = manner
        self._format, self._left = form, words
        self._step = 1 / rate if rate else 0.0
        self._due = self._loop.time()
        self._transport.write(HEAD + chunk(form.opening))
        self._say(b",%d" % (time.monotonic_ns() // 1000))

    def go_on(self) -> None:
        """After `/release`."""
        self._due = self._loop.time()
        if self._running:
            self._say()

    def _say(self, read_at: bytes = b"") -> None:
        form = self._format
        while self._left:
            self._left -= 1
            text = self._word(time.monotonic_ns() // 1000, read_at)
            read_at = b""
            self._transport.write(chunk(form.before + text + form.after))
            if self._hold:
                self._hold = False
                HELD.add(self)
                return
            if self._step:
                self._due += self._step
                self._timer = self._loop.call_at(self._due, self._say)
                return
        self._transport.write(chunk(form.closing) + b"0\r\n\r\n")
        self._running = False
        COUNT.running -= 1
        if self._last:
            self._transport.close()

    def _word(self, now: int, read_at: bytes) -> bytes:
        if self._manner in (b"", b"hold"):
            return b"@%d%s " % (now, read_at)
        if read_at:
            self._first = now
            return b"w%d " % now
        word = b"x" + _base_36((now - self._first) // 100)
        if self._manner == b"prose" and self._left % 8 == 0:
            return MARKS[self._left // 8 % len(MARKS)] % word
        return word + (b". " if self._left % 15 == 0 else b" ")


def _base_36(number: int) -> bytes:
    rest, digit = divmod(number, 36)
    return (_base_36(rest) if rest else b"") + DIGITS[digit : digit + 1]


async def serve(port: int) -> None:
    raise_file_limit()
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", port, backlog=8192)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
