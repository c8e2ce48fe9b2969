"""A coroutine that is carried on by whoever has news for it, in that very step.

A task that waits for a future goes on in the event loop's next round. Where each word of each stream is such news, the rounds
cost more than the words; here a word is written in the step in which it was said. Only where the coroutine waits for
something else, such as a full socket, does its own task go on with it.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

_NEWS = object()


class Eager:
    """Carries one coroutine, which waits for news by `rest`; `wake` brings them."""

    __slots__ = ("_failure", "_obstacle", "_over", "_resting", "_turn", "_work")

    def __init__(self) -> None:
        self._work: Coroutine[Any, Any, None] | None = None
        self._resting = False
        self._over = False
        self._failure: Exception | None = None
        self._obstacle: asyncio.Future[Any] | None = None
        self._turn: asyncio.Future[None] | None = None

    @types.coroutine
    def rest(self) -> Generator[Any, None, None]:
        """Await this within the coroutine that is carried: until there are news."""
        yield _NEWS

    def wake(self) -> None:
        """Carry the coroutine on, if it rests; else it is under way, and will see by itself what is new."""
        if self._resting:
            self._step()
            if not self._resting and self._turn and not self._turn.done():
                self._turn.set_result(None)

    async def carry(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it to its end. Raises what it raises; cancelling this cancels it."""
        self._work = work
        loop = asyncio.get_running_loop()
        try:
            self._step()
            while not self._over:
                if self._resting:
                    self._turn = loop.create_future()
                    await self._turn
                elif self._obstacle:
                    await asyncio.wait((self._obstacle,))
                    self._step()
                else:
                    await asyncio.sleep(0)
                    self._step()
        except asyncio.CancelledError:
            self._cancel()
            raise
        if self._failure:
            raise self._failure

    def _step(self) -> None:
        assert self._work
        self._resting, self._obstacle = False, None
        try:
            waits_for = self._work.send(None)
        except StopIteration:
            self._over = True
        except Exception as error:  # noqa: BLE001 — it is told where the work was given, not where the news come from
            self._over, self._failure = True, error
        else:
            if waits_for is _NEWS:
                self._resting = True
            else:
                self._obstacle = waits_for

    def _cancel(self) -> None:
        """By the exception, not by close(): up to Python 3.12 that does not reach an asynchronous generator's own frame."""
        self._resting = False
        if self._work and not self._over:
            self._over = True
            try:
                self._work.throw(asyncio.CancelledError())
            except (asyncio.CancelledError, StopIteration):
                return
            raise RuntimeError("What is carried eagerly must not wait when it is cancelled.")
