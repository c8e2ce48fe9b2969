"""Opens many streams at once and notes what came when: the client's side of a measurement."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from typing import cast

MARK = re.compile(rb"@(\d+)(?:,(\d+))? ")
END = re.compile(rb'"done": true|event: message_stop')
STATUS = re.compile(rb'"done": true.*?"status": "(\w+)"')
TURN = re.compile(rb"x-turn-id: *(\w+)", re.IGNORECASE)
SESSION = re.compile(rb"session_[0-9a-f]{32}")
TAIL = 500
"""Bytes: more than a terminal frame has. What one read cuts is found in the next."""

PATIENCE = 180.0
"""s that a stream may take beside its ramp; a longer one is an error."""

AT_ONCE = 8
"""Requests of `start` at a time."""


class Stream(asyncio.Protocol):
    """One client: sends a request, reads to the end of the answer.

    Times are µs of the monotonic clock. `delays`: of each delta from the vendor's write to here; `added`: of the first one, from
    here to the vendor and from the vendor to here, without the time that it took itself. `text`: the body, where it is kept.
    """

    def __init__(self, request: bytes, *, keep: bool) -> None:
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.delays: list[int] = []
        self.added: int | None = None
        self.complete = False
        self.status = ""
        self.turn = ""
        self.text: list[bytes] = []
        self._request = request
        self._keep = keep
        self._rest = b""
        self._sent = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sent = time.monotonic_ns() // 1000
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns() // 1000
        if self._keep:
            self.text.append(data)
        if not self.turn and (turn := TURN.search(data)):
            self.turn = turn[1].decode()
        data = self._rest + data
        end = 0
        for mark in MARK.finditer(data):
            end = mark.end()
            written = int(mark[1])
            self.delays.append(now - written)
            if mark[2]:
                self.added = now - written + int(mark[2]) - self._sent
                if not self.begun.done():
                    self.begun.set_result(None)
        if END.search(data, end):
            self.complete = True
            if status := STATUS.search(data, end):
                self.status = status[1].decode()
        self._rest = data[max(end, len(data) - TAIL) :]

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.begun, self.ended):
            if not future.done():
                future.set_result(None)

    def vanish(self) -> None:
        """Reset the connection, as a phone does that loses its network or its app."""
        if self._transport:
            self._transport.abort()


def request(path: str, body: dict[str, object]) -> bytes:
    """A whole POST, the only one of its connection."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def look(path: str) -> bytes:
    """A GET, the only one of its connection."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


async def answer(port: int, asked: bytes) -> tuple[int, bytes]:
    """Status and body of a request that asks for the connection to be closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(asked)
    head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ", 2)[1]), body


async def post(port: int, path: str, body: dict[str, object]) -> tuple[int, bytes]:
    return await answer(port, request(path, body))


async def start(port: int, count: int, persona: str = "") -> list[str]:
    """That many sessions' ids, each of another user."""
    gate = asyncio.Semaphore(AT_ONCE)
    more: dict[str, object] = {"persona": persona} if persona else {}

    async def one(number: int) -> str:
        async with gate:
            status, body = await post(port, "/chat/start", {"user_id": f"benchmark-{number}", **more})
        if status != 200:
            raise SystemExit(f"A session could not be started: {status} {body[:300]!r}")
        return str(SESSION.findall(body)[0].decode())

    return await asyncio.gather(*(one(number) for number in range(count)))


async def play(port: int, requests: Sequence[bytes], ramp: float, *, keep: bool = False) -> list[Stream]:
    """A stream for each request, begun over `ramp` seconds, each read to its end."""
    streams = await _open(port, requests, ramp, keep=keep)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(stream.ended for stream in streams))
    return streams


async def hold(port: int, requests: Sequence[bytes], ramp: float) -> list[Stream]:
    """A stream for each request, begun over `ramp` seconds; all have had their first delta, or have ended."""
    streams = await _open(port, requests, ramp, keep=False)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(stream.begun for stream in streams))
    return streams


async def _open(port: int, requests: Sequence[bytes], ramp: float, *, keep: bool) -> list[Stream]:
    loop = asyncio.get_running_loop()

    async def one(number: int, asked: bytes) -> Stream:
        await asyncio.sleep(ramp * number / len(requests))
        _, stream = await loop.create_connection(lambda: Stream(asked, keep=keep), "127.0.0.1", port)
        return stream

    return await asyncio.gather(*(one(number, asked) for number, asked in enumerate(requests)))


def check(streams: Sequence[Stream], words: int, name: str) -> None:
    """Ends the run where a stream was not whole: its figures would mean nothing."""
    broken = [stream for stream in streams if not stream.complete or len(stream.delays) != words]
    if broken:
        tail = broken[0]._rest[-300:]
        raise SystemExit(f"{name}: {len(broken)} of {len(streams)} streams are not whole; the end of one: {tail!r}")
