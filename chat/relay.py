"""Turns that other workers run, followed here: one mirror a turn, fed through the database, whatever the number of followers.

The worker that runs a turn stores what it says every tenth of a second while somebody elsewhere follows, and sends word; the
mirrors with news are brought up to date by one statement. A slow look at all of them makes good what was missed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from uuid import UUID

from brains.errors import where
from chat import mailbox
from chat.endings import told
from chat.events import Failed
from chat.live import LiveTurn
from chat.records import Stored
from chat.store import Store
from problems import DatabaseUnavailable, Internal, Problem, ServerBusy, ServerStopping, SessionDeleted

logger = logging.getLogger(__name__)

LOOK = 1.0
"""s between two looks at all mirrors."""

RENEWAL = 10.0
"""s after which the wish to follow is repeated."""

PATIENCE = 30.0
"""s without the database before followers are told."""


class _Mirror:
    """A turn of another worker, as far as it is known here."""

    __slots__ = ("asked_at", "idle", "live", "seen", "turn")

    def __init__(self, turn: Stored) -> None:
        self.turn = turn
        self.live = LiveTurn(turn.turn, turn.session, turn.persona)
        self.seen = 0
        self.asked_at = 0.0
        self.idle = 0

    def hear(self, text: str, start: int) -> None:
        """The turn's text from that character on, as it was found; another look may have brought some of it meanwhile."""
        if not self.live.ended and (new := text[self.seen - start :]):
            self.seen += len(new)
            self.live.say(new)

    def fail(self, problem: Problem) -> None:
        message = self.turn.turn if self.seen else None
        self.live.end(Failed(self.turn.turn, self.turn.user_message, message, problem))


class Relay:
    """The mirrors of one worker."""

    def __init__(self, store: Store, worker: UUID) -> None:
        self._store = store
        self._worker = worker
        self._mirrors: dict[UUID, _Mirror] = {}
        self._fresh: set[UUID] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def join(self, turn: Stored) -> LiveTurn:
        """A turn that another worker runs, to be followed like one of our own. Raises DatabaseUnavailable, ServerStopping."""
        if self._closed:
            raise ServerStopping
        mirror = self._mirrors.get(turn.turn)
        if mirror is None:
            mirror = self._mirrors[turn.turn] = _Mirror(turn)
            try:
                await self._ask([mirror])
                await self._bring_up_to_date([mirror])
            except DatabaseUnavailable as error:
                mirror.fail(error)
                self._mirrors.pop(turn.turn, None)
                raise
        mirror.idle = 0
        if self._closed:
            mirror.fail(ServerStopping())
        elif self._mirrors and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())
        return mirror.live

    def news(self, turns: Iterable[UUID]) -> None:
        """Their workers have more of these."""
        self._fresh.update(turns)
        self._news.set()

    def close(self) -> None:
        """The server stops: followers hear it; the turns go on where they run."""
        self._closed = True
        self._fail_all(ServerStopping())
        if self._task:
            self._task.cancel()

    def _fail_all(self, problem: Problem) -> None:
        for mirror in self._mirrors.values():
            mirror.fail(problem)
        self._mirrors.clear()

    async def _run(self) -> None:
        looked = well = time.monotonic()
        while self._mirrors:
            try:
                async with asyncio.timeout(max(0, looked + LOOK - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                looked = time.monotonic()
                self._drop_unfollowed()
                self._fresh.update(self._mirrors)
            self._news.clear()
            mirrors = [self._mirrors[turn] for turn in self._fresh if turn in self._mirrors]
            self._fresh.clear()
            try:
                await self._ask([mirror for mirror in mirrors if mirror.asked_at + RENEWAL < time.monotonic()])
                await self._bring_up_to_date(mirrors)
                well = time.monotonic()
            except DatabaseUnavailable as error:
                if time.monotonic() - well > PATIENCE:
                    self._fail_all(error)
            except Exception as error:  # noqa: BLE001 — followers must hear of an end
                logger.error("following turns of other workers broke: %s", where(error))
                self._fail_all(Internal())

    def _drop_unfollowed(self) -> None:
        for turn, mirror in list(self._mirrors.items()):
            mirror.idle = 0 if mirror.live.followers else mirror.idle + 1
            if mirror.idle > 2:  # not at once: who joined just now follows in a moment
                mirror.fail(ServerBusy())  # heard by nobody, but by one who took longer than that to begin
                del self._mirrors[turn]

    async def _ask(self, mirrors: list[_Mirror]) -> None:
        letters = [
            mailbox.follow(mirror.turn.worker, mirror.turn.turn, self._worker)
            for mirror in mirrors
            if mirror.turn.worker
        ]
        if letters:
            await self._store.tell(letters)
        for mirror in mirrors:
            mirror.asked_at = time.monotonic()

    async def _bring_up_to_date(self, mirrors: list[_Mirror]) -> None:
        if not mirrors:
            return
        seen = {mirror.turn.turn: mirror.seen for mirror in mirrors}
        found = await self._store.progress(seen)
        for mirror in mirrors:
            progress = found.get(mirror.turn.turn)
            if progress and progress.status == "running":
                mirror.hear(progress.text, seen[mirror.turn.turn])
            else:
                await self._end(mirror)

    async def _end(self, mirror: _Mirror) -> None:
        stored = await self._store.stored(mirror.turn.turn)
        if stored is None:
            mirror.fail(SessionDeleted())
        else:
            mirror.hear(stored.text, 0)
            mirror.live.end(told(stored))
        if self._mirrors.get(mirror.turn.turn) is mirror:
            del self._mirrors[mirror.turn.turn]
