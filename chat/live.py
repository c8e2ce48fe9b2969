"""The text of running turns, in this worker's memory. Whoever follows one reads the same list: there is one copy of the text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

from chat.events import Ended
from chat.records import Checkpoint
from problems import ServerBusy

SLICE = 4096
"""Characters of a backlog that a follower takes at a time: one that reads slowly holds no copy of the text."""

MOST_FOLLOWERS = 100
"""Of one turn on one worker: a person's devices, not an audience."""


class Follower(Protocol):
    """Who wants to know when there is more."""

    def wake(self) -> None:
        """There is more to read, or the end has come. May be called in any step; must not fail."""
        ...


class LiveTurn:
    """What a running turn has said so far, and how it ended. Belongs to one event loop.

    `watchers` are the workers that follow it from elsewhere, with the time (monotonic, s) until which they do.
    """

    __slots__ = (
        "_followers",
        "_saved",
        "_thinking",
        "_thought",
        "ended",
        "id",
        "leaving",
        "persona",
        "pieces",
        "saved_chars",
        "session",
        "stopped_as",
        "unsaved_since",
        "watchers",
    )

    def __init__(self, turn: UUID, session: UUID, persona: str) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.pieces: list[str] = []
        self.ended: Ended | None = None
        self._thinking: asyncio.Task[Any] | None = None
        self._thought = False
        self.leaving = False
        self.stopped_as = ""
        self.unsaved_since: float | None = None
        self.saved_chars = 0
        self.watchers: dict[UUID, float] = {}
        self._saved = 0
        self._followers: tuple[Follower, ...] = ()  # one, nearly always: a set takes four times the room

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
        for follower in self._followers:
            follower.wake()

    def end(self, ended: Ended) -> None:
        """The reply is stored; followers get the terminal frame. The first end counts."""
        if self.ended is None:
            self.ended = ended
            for follower in self._followers:
                follower.wake()

    def stop(self, why: str) -> None:
        """Ask the brain to stop; the turn ends as `why` (a status), what was said is kept."""
        if self.stopped_as or self._thought:
            return
        self.stopped_as = why
        if self._thinking:
            self._thinking.cancel()

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """While a brain thinks, in this task, `stop` ends it."""
        self._thinking = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if not self.stopped_as or not self._thinking or self._thinking.uncancel():
                raise
        finally:
            self._thinking, self._thought = None, True

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

    def attach(self, follower: Follower) -> None:
        """Wake it at each word, and at the end."""
        self._followers = (*self._followers, follower)

    def detach(self, follower: Follower) -> None:
        self._followers = tuple(other for other in self._followers if other is not follower)

    def read(self, position: int) -> tuple[str, int]:
        """The text from that piece on, up to a slice, and the next position; empty where there is none yet."""
        pieces, end, size = self.pieces, position, 0
        if position == len(pieces) - 1:
            return pieces[position], position + 1
        while end < len(pieces) and size < SLICE:
            size += len(pieces[end])
            end += 1
        return "".join(pieces[position:end]), end

    async def finished(self) -> Ended:
        """Wait for the end."""
        if self.ended:
            return self.ended
        waiting = _Waiting(self)
        self.attach(waiting)
        try:
            return await waiting.end
        finally:
            self.detach(waiting)


class _Waiting:
    """Waits for a turn's end."""

    def __init__(self, turn: LiveTurn) -> None:
        self.end: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._turn = turn

    def wake(self) -> None:
        if self._turn.ended and not self.end.done():
            self.end.set_result(self._turn.ended)


class StoredTurn:
    """A turn that has ended, read in the same way."""

    __slots__ = ("ended", "id", "persona", "session", "text")

    def __init__(self, turn: UUID, session: UUID, persona: str, text: str, ended: Ended) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.text = text
        self.ended = ended

    def expect_follower(self) -> None:
        """Any number may read it."""

    def attach(self, follower: Follower) -> None:
        """There will be no news."""

    def detach(self, follower: Follower) -> None:
        """Nothing is held."""

    def read(self, position: int) -> tuple[str, int]:
        return self.text[position : position + SLICE], min(position + SLICE, len(self.text))

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
