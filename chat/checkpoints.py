"""What running turns have said, made durable while they say it: about once a second, all of a worker's turns in one statement.

A turn that is over within half a second costs nothing here. One that another worker follows is stored more often, and that worker
is told; one that nobody follows costs its checkpoint alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from uuid import UUID

from brains.errors import where
from chat.live import LiveTurn, LiveTurns
from chat.mailbox import Letter, news
from chat.store import Store
from problems import DatabaseUnavailable

logger = logging.getLogger(__name__)

LATEST = 0.9
"""s after which text is stored at the latest; the statement takes the rest of the second."""

SHORT = 0.5
"""s: a turn that is over by then is not stored before its end."""

WATCHED = 0.1
"""s, for turns that are followed from another worker."""

WATCH = 30.0
"""s for which another worker's wish to follow holds; it repeats it."""


class Checkpoints:
    """For the running turns of one worker."""

    def __init__(self, store: Store, live: LiveTurns, worker: UUID) -> None:
        self._store = store
        self._live = live
        self._worker = worker
        self._news = asyncio.Event()
        self._writing: frozenset[UUID] = frozenset()
        self._written = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    def watch(self, turn: UUID, worker: UUID) -> None:
        """Another worker follows a turn: it gets at once what there is."""
        if live := self._live.get(turn):
            live.watchers[worker] = time.monotonic() + WATCH
            self._news.set()

    async def leave(self, live: LiveTurn) -> None:
        """No checkpoint of it from now on, and none under way: a piece stored beside its end would be left behind."""
        live.leaving = True
        if live.id in self._writing:
            async with self._written:
                return

    async def tell_end(self, live: LiveTurn) -> None:
        """A turn has ended: those who follow it from elsewhere come and read how."""
        if letters := _letters([live], time.monotonic()):
            with contextlib.suppress(DatabaseUnavailable):  # their next look at it tells them
                await self._store.tell(letters)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(max(0.01, self._due() - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self._save()
            except DatabaseUnavailable:  # the worker's sign of life says so in the log
                await asyncio.sleep(1)
            except Exception as error:  # noqa: BLE001 — the turns go on, and the next checkpoint holds what this one did not
                logger.error("a checkpoint broke: %s", where(error))
                await asyncio.sleep(1)

    def _due(self) -> float:
        """When to store next; what is said from now on is not due before LATEST, but where it is watched."""
        now = time.monotonic()
        due = now + LATEST
        for live in self._live.all():
            if live.leaving:
                continue
            patience = WATCHED if live.watchers else LATEST
            due = min(due, (live.unsaved_since or now) + patience)
        return due

    async def _save(self) -> None:
        now = time.monotonic()
        chosen = [live for live in self._live.all() if _ripe(live, now)]
        if not chosen:
            return
        offered = [(live, *live.unsaved()) for live in chosen]
        said = [checkpoint for _, checkpoint, _ in offered]
        self._writing = frozenset(live.id for live in chosen)
        try:
            async with self._written:
                stored = await self._store.checkpoint(self._worker, said, _letters(chosen, now))
        finally:
            self._writing = frozenset()
        for live, checkpoint, mark in offered:
            if live.id in stored:
                live.save(checkpoint, mark, now)
            else:  # it is ending: looked at again in a while, should it not have ended by then
                live.unsaved_since = now


def _letters(turns: Iterable[LiveTurn], now: float) -> list[Letter]:
    """To the workers that follow these turns; those that no longer do are forgotten."""
    by_worker: dict[UUID, list[UUID]] = {}
    for live in turns:
        for worker, until in list(live.watchers.items()):
            if until < now:
                del live.watchers[worker]
            else:
                by_worker.setdefault(worker, []).append(live.id)
    return [letter for worker, ids in by_worker.items() for letter in news(worker, ids)]


def _ripe(live: LiveTurn, now: float) -> bool:
    """Whether it is stored now that another is due: what was stored once always is, so that turns come to share statements."""
    if live.unsaved_since is None or live.leaving:
        return False
    return bool(live.watchers) or live.saved_chars > 0 or now - live.unsaved_since >= SHORT
