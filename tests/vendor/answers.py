"""One answer of the stub on one connection; each delta is written at once (asyncio sets TCP_NODELAY)."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.vendor.formats import FORMATS, Frame, error_body, error_frame
from tests.vendor.scenarios import Scenario

PATIENCE = 120.0  # s until a stalled answer is given up


@dataclass(slots=True)
class Call:
    """One request as it came. Times are of time.monotonic()."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float
    sent: int = 0
    sent_at: list[float] = field(default_factory=list)
    finished_at: float | None = None
    left_at: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def finish(self) -> None:
        self.finished_at = self.finished_at or time.monotonic()
        self.over.set()

    @property
    def message(self) -> str:
        """The last user message."""
        lines = self.body.get("messages") or self.body.get("input") or []
        if isinstance(lines, str):
            return lines
        content = lines[-1].get("content", "") if lines else ""
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Answer:
    """One answer on one connection."""

    def __init__(self, call: Call, writer: asyncio.StreamWriter, elsewhere: str, released: asyncio.Semaphore) -> None:
        self._call, self._writer, self._elsewhere, self._released = call, writer, elsewhere, released
        self._scenario = Scenario()
        self._zip: Any = None

    async def whole(self, status: int, body: object, extra: str = "", kind: str = "application/json") -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self._writer.write(
            f"HTTP/1.1 {status} Stub\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(raw)}\r\n\r\n".encode()
            + raw
        )
        await self._writer.drain()

    async def reply(self, scenario: Scenario) -> None:
        self._scenario = scenario
        await asyncio.sleep(scenario.wait_headers)
        if "nohead" in scenario.odd:
            self._reset()
        if scenario.status != 200:
            extra = f"Retry-After: {scenario.retry_after}\r\n" if scenario.retry_after else ""
            if 300 <= scenario.status < 400:
                extra += f"Location: {self._elsewhere}\r\n"
            return await self.whole(scenario.status, error_body(self._call.path, scenario), extra)
        if "html" in scenario.odd:
            return await self.whole(200, "<html><body>secret-page</body></html>", kind="text/html; charset=utf-8")
        await self._stream()

    async def _stream(self) -> None:
        scenario, odd = self._scenario, self._scenario.odd
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        head += "Connection: close\r\n" if "noframing" in odd else "Transfer-Encoding: chunked\r\n"
        if "gzip" in odd:
            self._zip = zlib.compressobj(wbits=31)
            head += "Content-Encoding: gzip\r\n"
        self._writer.write(head.encode() + b"\r\n")
        await asyncio.sleep(scenario.wait)
        if "bom" in odd:
            await self._send(b"\xef\xbb\xbf")
        begun = time.monotonic()
        model = str(self._call.body.get("model", ""))
        for frame in self._planned(FORMATS[self._call.path](scenario, model)):
            if frame.text:
                await self._due(begun)
                self._call.sent += 1
                self._call.sent_at.append(time.monotonic())
            await self._send(self._bytes(frame))
        await self._finish()

    async def _due(self, begun: float) -> None:
        """Wait for the next delta's time, or fail before it as told."""
        scenario, sent = self._scenario, self._call.sent
        if scenario.pace and (ahead := begun + sent * scenario.pace - time.monotonic()) > 0:
            await asyncio.sleep(ahead)
        if sent in scenario.hold:
            await self._released.acquire()
        if scenario.stall == sent:
            await asyncio.sleep(PATIENCE)
        if "badchunks" in scenario.odd and sent == 3:
            self._writer.write(b"zz\r\n")
        if scenario.cut == sent:
            self._reset()
        if scenario.drop == sent:
            raise ConnectionAbortedError

    def _planned(self, frames: Iterable[Frame]) -> Iterable[Frame]:
        """The frames, up to where the scenario ends or breaks them, with what is odd in between."""
        scenario, texts = self._scenario, 0
        if scenario.fail == 0:
            yield error_frame(self._call.path, scenario)
            return
        for frame in frames:
            if frame.text:
                if scenario.end == texts:
                    return
                if scenario.fail == texts:
                    yield error_frame(self._call.path, scenario)
                    return
                yield from self._oddities(texts)
                texts += 1
            yield frame

    def _oddities(self, texts: int) -> Iterable[Frame]:
        odd = self._scenario.odd
        if "pings" in odd:
            yield Frame("ping", '{"type":"ping"}')
        if "unknown" in odd:
            yield Frame("brand_new", '{"type":"brand_new","delta":{"text":"secret-unknown"}}')
        if "malformed" in odd and texts == 2:
            yield Frame("content_block_delta", '{"type":"content_block_delta","delta":{"te')
        if "badutf8" in odd and texts == 2:
            yield Frame("content_block_delta", '{"type":"content_block_delta","x":"\udcff"}')

    def _bytes(self, frame: Frame) -> bytes:
        odd, newline = self._scenario.odd, self._scenario.newline
        space = "" if "nospace" in odd else " "
        lines = [f"event:{space}{frame.event}"] if frame.event else []
        if "comments" in odd:
            lines[:0] = [": a comment", "id: 7", "retry: 100"]
        data = frame.data
        if "multiline" in odd and data.startswith("{"):
            data = json.dumps(json.loads(data), indent=1)
        lines += [f"data:{space}{line}" for line in data.split("\n")]
        raw = "".join(f"{line}{newline}" for line in [*lines, ""])
        return raw.encode("utf-8", "surrogateescape")

    async def _send(self, raw: bytes) -> None:
        odd = self._scenario.odd
        if self._zip:
            raw = self._zip.compress(raw) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        step = 3 if "split" in odd else len(raw)
        for start in range(0, len(raw), step):
            piece = raw[start : start + step]
            framed = piece if "noframing" in odd else b"%x\r\n%b\r\n" % (len(piece), piece)
            self._writer.write(framed)
            if "split" in odd:
                await asyncio.sleep(0)
        if "joined" not in odd:
            await self._writer.drain()

    async def _finish(self) -> None:
        if self._zip:
            raw = self._zip.flush()
            self._writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        if "noframing" in self._scenario.odd:
            await self._writer.drain()
            self._call.finish()
            raise ConnectionAbortedError
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def _reset(self) -> None:
        """Reset the connection."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise ConnectionResetError
