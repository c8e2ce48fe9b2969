"""The stub's HTTP/1.1 server: asyncio, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any

from tests.vendor.answers import Answer, Call
from tests.vendor.formats import FORMATS, error_body
from tests.vendor.scenarios import Scenario, scenario_in
from tests.vendor.schemas import example, schema_in

MOST_HOLDS = 100
"""Of all answers that are held at a time."""


class Wire(asyncio.StreamReaderProtocol):
    """Notes when the client leaves in the middle of an answer."""

    call: Call | None = None

    def __init__(
        self, connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        super().__init__(asyncio.StreamReader(limit=2**24), connected)

    def eof_received(self) -> bool | None:
        self._left()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._left()
        super().connection_lost(error)

    def _left(self) -> None:
        if self.call is not None and self.call.finished_at is None and self.call.left_at is None:
            self.call.left_at = time.monotonic()
            self.call.over.set()


class Vendor:
    """A vendor on loopback, in a thread of its own: `with Vendor() as vendor: …`."""

    def __init__(self, port: int = 0, base: Scenario | None = None) -> None:
        self.base = base or Scenario()
        self.requests: list[Call] = []
        self.connections = 0
        self.model_status = 200
        self.model_wait = 0.0
        self._port = port
        self._next: deque[Scenario] = deque()
        self._released = asyncio.Semaphore(0)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    # --- what a test uses -----------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        """For ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def openai_url(self) -> str:
        """For OPENAI_BASE_URL."""
        return f"{self.url}/v1"

    @property
    def turns(self) -> list[Call]:
        """The calls that asked for a reply."""
        return [call for call in self.requests if call.path in FORMATS]

    def next(self, scenario: Scenario | None = None, **knobs: Any) -> Scenario:
        """Queue what the next call gets; later ones get `base` again."""
        planned = scenario or Scenario(**knobs)
        self._next.append(planned)
        return planned

    def release(self) -> None:
        """Let the answer that is held, or will be, go on."""
        self._loop.call_soon_threadsafe(lambda: self._released.release())

    def reset(self) -> None:
        """Forget calls and plans; what is held goes on."""
        self._loop.call_soon_threadsafe(self._let_go)
        self.requests.clear()
        self._next.clear()
        self.connections = 0
        self.model_status = 200
        self.model_wait = 0

    def __enter__(self) -> Vendor:
        self._thread.start()
        if not self._ready.wait(20):
            raise RuntimeError("The stub vendor did not start.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    # --- the server -----------------------------------------------------------------------------------------------
    def _let_go(self) -> None:
        held, self._released = self._released, asyncio.Semaphore(0)
        for _ in range(MOST_HOLDS):
            held.release()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await self._loop.create_server(lambda: Wire(self._connected), "127.0.0.1", self._port, backlog=4096)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        wire = writer.transport.get_protocol()
        try:
            while (call := await self._read(reader)) is not None:
                self.requests.append(call)
                wire.call = call  # type: ignore[attr-defined]
                await self._answer(call, Answer(call, writer, f"{self.url}/v1/elsewhere", self._released))
                call.finish()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Call | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        return Call(method, path, headers, json.loads(raw) if raw else {}, time.monotonic())

    async def _answer(self, call: Call, answer: Answer) -> None:
        if call.path in FORMATS:
            await answer.reply(self._scenario_for(call))
        elif call.path.startswith("/v1/models"):
            model = {"id": call.path.rsplit("/", 1)[1], "type": "model", "object": "model", "display_name": "A model"}
            failed = error_body("/v1/messages", Scenario())
            await asyncio.sleep(self.model_wait)
            await answer.whole(self.model_status, model if self.model_status == 200 else failed)
        elif call.path == "/_requests":
            await answer.whole(200, [{"path": each.path, "body": each.body, "sent": each.sent} for each in self.turns])
        elif call.path == "/_next":
            self.next(scenario_in(f"[[{call.body['knobs']}]]", Scenario()))
            await answer.whole(200, {})
        else:
            await answer.whole(404, error_body(call.path, Scenario(error="not_found_error")))

    def _scenario_for(self, call: Call) -> Scenario:
        try:
            schema = schema_in(call.path, call.body)
        except ValueError as wrong:
            return Scenario(status=400, error="invalid_request_error", says=str(wrong))
        planned = call.method == "POST" and self._next
        scenario = self._next.popleft() if planned else scenario_in(call.message, self.base)
        if schema is None:
            return replace(scenario, answer=None)
        return scenario if scenario.deltas or scenario.answer is not None else replace(scenario, answer=example(schema))
