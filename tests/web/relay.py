"""A way to the server that can be cut: a TCP relay on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType


class Relay:
    """`with Relay(port) as relay: …`, reached at `relay.url`.

    Cut, it resets all connections and refuses new ones, as a server that is away. Silent, it takes all and passes nothing on,
    as a phone in a tunnel; what was sent meanwhile arrives once it speaks again.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def cut(self, seconds: float | None = None) -> None:
        """Until `mend`, or for some seconds."""
        self._do(lambda: self._cut(seconds))

    def silence(self) -> None:
        self._do(self._flowing.clear)

    def speak(self) -> None:
        self._do(self._flowing.set)

    def mend(self) -> None:
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def __enter__(self) -> Relay:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    # --- in its thread --------------------------------------------------------------------------------------------
    def _do(self, what: Callable[[], object]) -> None:
        done = threading.Event()

        def run() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    async def _serve(self) -> None:
        self._loop, self._over, self._flowing = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._flowing.set()
        await self._listen()
        self._ready.set()
        await self._over.wait()
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._flowing.set()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=5)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def _cut(self, seconds: float | None) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if seconds is not None:
            self._loop.call_later(seconds, lambda: asyncio.ensure_future(self._listen()))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        self._writers.add(writer)
        try:
            back, there = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(there)
            await asyncio.wait(
                [asyncio.ensure_future(self._pass(reader, there)), asyncio.ensure_future(self._pass(back, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        except OSError:
            pass  # the server is away, and so is its relay
        finally:
            for each in (writer, there):
                if each:
                    self._writers.discard(each)
                    each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65536):
                await self._flowing.wait()
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # cut
