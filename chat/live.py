"""The text of running turns, in this worker's memory. Whoever follows one reads the same list: there is one copy of the text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Protocol
from uuid import UUID

from chat.events import Done, Ended, Event, Failed, Quiet, Said, Snapshot
from chat.records import Checkpoint
from problems import ServerBusy

PING_SECONDS = 15.0

SLICE = 4096
"""Characters of a backlog that a follower takes at a time: one that reads slowly holds no copy of the text."""

MOST_FOLLOWERS = 100
"""Of one turn on one worker: a person's devices, not an audience."""


class LiveTurn:
    """What a running turn has said so far, and how it ended. Belongs to one event loop.

    `watchers` are the workers that follow it from elsewhere, with the time (monotonic, s) until which they do.
    """

    __slots__ = (
        "_followers",
        "_saved",
        "ended",
        "id",
        "persona",
        "pieces",
        "saved_chars",
        "session",
        "stopped_as",
        "thinking",
        "unsaved_since",
        "watchers",
    )

    def __init__(self, turn: UUID, session: UUID, persona: str) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.pieces: list[str] = []
        self.ended: Ended | None = None
        self.thinking: asyncio.Task[None] | None = None
        self.stopped_as = ""
        self.unsaved_since: float | None = None
        self.saved_chars = 0
        self.watchers: dict[UUID, float] = {}
        self._saved = 0
        self._followers: set[_Follower] = set()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def followers(self) -> int:
        """How many read it here now."""
        return len(self._followers)

    def say(self, text: str) -> None:
        self.pieces.append(text)
        if self.unsaved_since is None:
            self.unsaved_since = time.monotonic()
        for follower in tuple(self._followers):  # one that was woken may leave
            follower.wake()

    def end(self, ended: Ended) -> None:
        """The reply is stored; followers get the terminal frame. The first end counts."""
        if self.ended is None:
            self.ended = ended
            for follower in tuple(self._followers):
                follower.wake()

    def stop(self, why: str) -> None:
        """Ask the brain to stop; the turn ends as `why` (a status), what was said is kept."""
        if self.stopped_as or (self.thinking and self.thinking.done()):
            return
        self.stopped_as = why
        if self.thinking:
            self.thinking.cancel()

    # --- checkpoints ------------------------------------------------------------------------------------------------

    def unsaved(self) -> tuple[Checkpoint, int]:
        """What was said since the last checkpoint, and the mark to give to `save`."""
        mark = len(self.pieces)
        return Checkpoint(self.id, self.saved_chars, "".join(self.pieces[self._saved : mark])), mark

    def save(self, checkpoint: Checkpoint, mark: int, taken_at: float) -> None:
        """A checkpoint that was taken at a time (monotonic, s) is stored; what was said since is as old as that at most."""
        self._saved = mark
        self.saved_chars = checkpoint.start + len(checkpoint.text)
        self.unsaved_since = taken_at if len(self.pieces) > mark else None

    # --- followers --------------------------------------------------------------------------------------------------

    def expect_follower(self) -> None:
        """Raise ServerBusy where there are as many as there may be."""
        if len(self._followers) >= MOST_FOLLOWERS:
            raise ServerBusy("This turn has as many followers as it may have; close some.")

    async def follow(
        self, waiting: Waiting | None = None, ping_seconds: float = PING_SECONDS, *, snapshot: bool = False
    ) -> AsyncIterator[Event]:
        """All that was said, as it comes, then the end. What waited while the reader was busy comes as one event.

        With `snapshot` the first event is a Snapshot of what there is (its beginning, where that is long).
        `waiting` is how the reader waits, where it is carried eagerly.
        """
        follower = _Follower(waiting or _Patient(), ping_seconds)
        self._followers.add(follower)
        position = 0
        try:
            if snapshot:
                text, position = self._read(0)
                yield Snapshot(text)
            while True:
                if position < len(self.pieces):
                    text, position = self._read(position)
                    yield Said(text)
                elif self.ended:
                    yield self.ended
                    return
                elif not await follower.news():
                    yield Quiet()
        finally:
            self._followers.discard(follower)
            follower.close()

    async def finished(self) -> Ended:
        """Wait for the end."""
        async for event in self.follow():
            if isinstance(event, Done | Failed):
                return event
        raise AssertionError("a turn's last event is its end")

    def _read(self, position: int) -> tuple[str, int]:
        """The text from that piece on, up to a slice, and the next position."""
        pieces, end, size = self.pieces, position, 0
        if position == len(pieces) - 1:
            return pieces[position], position + 1
        while end < len(pieces) and size < SLICE:
            size += len(pieces[end])
            end += 1
        return "".join(pieces[position:end]), end


class Waiting(Protocol):
    """How a follower waits for news."""

    def rest(self) -> Awaitable[None]:
        """Until `wake` is called."""
        ...

    def wake(self) -> None: ...


class _Patient:
    """A follower that is a task's: it goes on in the event loop's next round."""

    __slots__ = ("_news",)

    def __init__(self) -> None:
        self._news: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)

    async def rest(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        finally:
            self._news = None


class _Follower:
    """Waits for news; one timer for its whole life, moved when it fires, not one at each word."""

    __slots__ = ("_loop", "_ping", "_quiet", "_since", "_timer", "_waiting", "wake")

    def __init__(self, waiting: Waiting, ping_seconds: float) -> None:
        self.wake = waiting.wake
        self._waiting = waiting
        self._loop = asyncio.get_running_loop()
        self._ping = ping_seconds
        self._quiet = False
        self._since: float | None = None
        self._timer = self._loop.call_later(ping_seconds, self._look)

    async def news(self) -> bool:
        """True when something was said or the turn ended, False after a while without."""
        self._since = self._loop.time()
        await self._waiting.rest()
        self._since = None
        quiet, self._quiet = self._quiet, False
        return not quiet

    def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        due = now + self._ping
        if self._since is not None and now < self._since + self._ping:
            due = self._since + self._ping
        elif self._since is not None:
            self._quiet = True
            self.wake()
        self._timer = self._loop.call_at(due, self._look)


class StoredTurn:
    """A turn that has ended, followed in the same way."""

    __slots__ = ("ended", "id", "persona", "session", "text")

    def __init__(self, turn: UUID, session: UUID, persona: str, text: str, ended: Ended) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.text = text
        self.ended = ended

    def expect_follower(self) -> None:
        """Any number may read it."""

    async def follow(self, waiting: Waiting | None = None, *, snapshot: bool = False) -> AsyncIterator[Event]:
        if snapshot:
            yield Snapshot(self.text)
        elif self.text:
            yield Said(self.text)
        yield self.ended

    async def finished(self) -> Ended:
        return self.ended


class LiveTurns:
    """The running turns of this worker, by their id."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, LiveTurn] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, turn: LiveTurn) -> None:
        self._by_id[turn.id] = turn

    def remove(self, turn: LiveTurn) -> None:
        self._by_id.pop(turn.id, None)

    def get(self, turn: UUID) -> LiveTurn | None:
        return self._by_id.get(turn)

    def all(self) -> list[LiveTurn]:
        return list(self._by_id.values())
