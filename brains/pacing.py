"""Pauses and alarms of many replies on one timer of the event loop: one for each word would cost more time than the word, one for
each reply more room than all else that watches over it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

TICK: Final = 0.004
"""s: what is due within so much of each other comes together, so that a thousand replies wake the loop 250 times a second."""


class Alarm:
    """Calls once, at its time, unless it was cancelled before."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    def ring(self) -> None:
        if self._call:
            self._call()


class _Pause:
    """Lets a future go on; that of a reply that was stopped is over."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future

    def ring(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Pacer:
    """Belongs to one event loop, whose clock it goes by."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Alarm | _Pause]] = []
        self._order = itertools.count()
        self._armed: asyncio.TimerHandle | None = None

    async def until(self, when: float) -> None:
        """Wait until that time, or up to a tick longer; where it has passed, for the loop's next round."""
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._put(loop, when, _Pause(future))
        await future

    def call_at(self, when: float, call: Callable[[], None]) -> Alarm:
        """Call at that time, or up to a tick later. A cancelled one is held until its time, without what it would have called."""
        alarm = Alarm(call)
        self._put(asyncio.get_running_loop(), when, alarm)
        return alarm

    def _put(self, loop: asyncio.AbstractEventLoop, when: float, entry: Alarm | _Pause) -> None:
        heapq.heappush(self._waiting, (when, next(self._order), entry))
        if self._armed is None or when < self._armed.when() - TICK:
            self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._armed:
            self._armed.cancel()
        self._armed = loop.call_at(max(self._waiting[0][0], loop.time() + TICK), self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._armed = None
        try:
            while self._waiting and self._waiting[0][0] <= now:
                heapq.heappop(self._waiting)[2].ring()
        finally:  # one that raises holds up none of the others
            if self._waiting:
                self._arm(loop)


_pacers: WeakKeyDictionary[asyncio.AbstractEventLoop, Pacer] = WeakKeyDictionary()


def pacer() -> Pacer:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _pacers.get(loop)
    if found is None:
        found = _pacers[loop] = Pacer()
    return found
