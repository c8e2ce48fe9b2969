"""A turn's text and end, sent to one client.

A word goes out in the very step in which it was said: a task of the client's that were woken for each would take a round of the
event loop for it, and cost more than the word. What cannot go out at once, because the socket is full or the text long, the
client's task sends; it also tells of silence and of the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, MutableMapping
from typing import Any, Protocol, TypeAlias

from brains.pacing import pacer
from chat import sse
from chat.events import Ended
from chat.live import Follower

PING_SECONDS = 15.0

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""ASGI's."""


class Turn(Protocol):
    """What is read of a turn, live or stored."""

    @property
    def ended(self) -> Ended | None: ...

    def attach(self, follower: Follower) -> None: ...

    def detach(self, follower: Follower) -> None: ...

    def read(self, position: int) -> tuple[str, int]: ...


class Outlet:
    """The body of one client's event stream."""

    __slots__ = ("_alarm", "_loop", "_news", "_ping", "_position", "_resting", "_send", "_since", "_turn", "_unsent")

    def __init__(self, turn: Turn, send: Send, ping_seconds: float = PING_SECONDS) -> None:
        self._turn = turn
        self._send = send
        self._ping = ping_seconds
        self._position = 0
        self._resting = False
        self._unsent: _Sending | None = None

    async def serve(self, *, snapshot: bool = False) -> None:
        """All that was said, as it comes, then the end; a comment where nothing is said for a while.

        With `snapshot` the text that there is begins with a frame of that name.
        """
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._alarm = pacer().call_at(self._since + self._ping, self._look)
        self._turn.attach(self)
        try:
            await self._part(sse.OPENING)
            if snapshot:
                await self._parts(sse.snapshot(self._more()))
            while True:
                while text := self._more():
                    await self._parts(sse.tokens(text))
                if ended := self._turn.ended:
                    await self._send({"type": "http.response.body", "body": sse.frame(sse.terminal(ended))})
                    return
                if not await self._rest():
                    await self._part(sse.PING)
                if self._unsent:
                    sending, self._unsent = self._unsent, None
                    await sending.finish()
        finally:
            self._alarm.cancel()
            self._turn.detach(self)
            if self._unsent:
                self._unsent.close()

    def wake(self) -> None:
        """Send what is new, if the task rests; else it will see by itself."""
        if not self._resting:
            return
        text, position = self._turn.read(self._position)
        part = sse.token(text) if text and not self._turn.ended else None
        if part is None:
            self._end_rest(True)
            return
        self._position = position
        self._since = self._loop.time()
        sending = self._part(part)
        try:
            obstacle = sending.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 — the client's trouble, told to its task: here it is the brain's step
            self._resting = False
            if not self._news.done():
                self._news.set_exception(error)
            return
        self._unsent = _Sending(sending, obstacle)
        self._end_rest(True)

    def _more(self) -> str:
        text, self._position = self._turn.read(self._position)
        return text

    async def _parts(self, parts: Iterator[bytes]) -> None:
        for part in parts:
            await self._part(part)

    async def _part(self, part: bytes) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def _rest(self) -> bool:
        """While words go out without this task. True where there is something to do, False after a while in silence."""
        self._since = self._loop.time()
        self._news: asyncio.Future[bool] = self._loop.create_future()
        self._resting = True
        try:
            return await self._news
        finally:
            self._resting = False

    def _end_rest(self, news: bool) -> None:
        self._resting = False
        if not self._news.done():
            self._news.set_result(news)

    def _look(self) -> None:
        """One alarm for the whole life, moved when it rings, not one at each word."""
        now = self._loop.time()
        due = self._since + self._ping
        if now >= due:
            due = now + self._ping
            if self._resting:
                self._end_rest(False)
        self._alarm = pacer().call_at(due, self._look)


class _Sending:
    """A coroutine that was begun by hand, without a task, and came to an obstacle: a future, or None for a round of the loop."""

    __slots__ = ("_obstacle", "_work")

    def __init__(self, work: Coroutine[Any, Any, None], obstacle: asyncio.Future[Any] | None) -> None:
        self._work = work
        self._obstacle = obstacle

    async def finish(self) -> None:
        """Carry it on to its end. Raises what it raises."""
        try:
            while True:
                await (asyncio.wait((self._obstacle,)) if self._obstacle else asyncio.sleep(0))
                try:
                    self._obstacle = self._work.send(None)
                except StopIteration:
                    return
        finally:
            self.close()

    def close(self) -> None:
        """Give it up where it stands."""
        self._work.close()


async def parts(turn: Turn, *, snapshot: bool = False) -> AsyncGenerator[bytes, None]:
    """The same body for those who ask for one part after the other, as Django's own handler does."""
    messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue(1)
    serving = asyncio.create_task(Outlet(turn, messages.put).serve(snapshot=snapshot))
    try:
        more = True
        while more:
            message = await messages.get()
            more = message.get("more_body", False)
            yield message["body"]
    finally:
        serving.cancel()
