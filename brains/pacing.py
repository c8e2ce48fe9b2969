"""Pauses of many replies on one timer of the event loop: a timer for each word would cost more than the word."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Final
from weakref import WeakKeyDictionary

TICK: Final = 0.004
"""s: pauses that end within so much of each other end together, so that a thousand replies wake the loop 250 times a second."""


class Pacer:
    """Belongs to one event loop, whose clock it goes by."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._armed = False

    async def until(self, when: float) -> None:
        """Wait until that time, or up to a tick longer; where it has passed, for the loop's next round."""
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (when, next(self._order), future))
        if not self._armed:
            self._arm(loop)
        await future

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._armed = True
        loop.call_at(max(self._waiting[0][0], loop.time() + TICK), self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():  # its reply may have been stopped
                future.set_result(None)
        self._armed = False
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
