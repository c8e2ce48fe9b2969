"""The text of running turns, in this worker's memory. Whoever follows one reads the same list: there is one copy of the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from chat.events import Ended, Event, Quiet, Said

PING_SECONDS = 15.0


class LiveTurn:
    """What a running turn has said so far, and how it ended. Belongs to one event loop."""

    __slots__ = ("_followers", "ended", "id", "persona", "pieces", "session", "stopped_as", "thinking")

    def __init__(self, turn: UUID, session: UUID, persona: str) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.pieces: list[str] = []
        self.ended: Ended | None = None
        self.thinking: asyncio.Task[None] | None = None
        self.stopped_as = ""
        self._followers: set[asyncio.Future[None]] = set()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def say(self, text: str) -> None:
        self.pieces.append(text)
        self._wake()

    def end(self, ended: Ended) -> None:
        """The reply is stored; followers get the terminal frame."""
        self.ended = ended
        self._wake()

    def stop(self, why: str) -> None:
        """Ask the brain to stop; the turn ends as `why` (a status), what was said is kept."""
        if self.thinking and not self.thinking.done() and not self.stopped_as:
            self.stopped_as = why
            self.thinking.cancel()

    async def follow(self, ping_seconds: float = PING_SECONDS) -> AsyncIterator[Event]:
        """All that was said, as it comes, then the end. What waited while the reader was busy comes as one event."""
        position = 0
        while True:
            if position < len(self.pieces):
                text = "".join(self.pieces[position:]) if position + 1 < len(self.pieces) else self.pieces[position]
                position = len(self.pieces)
                yield Said(text)
            elif self.ended:
                yield self.ended
                return
            elif not await self._news(ping_seconds):
                yield Quiet()

    async def finished(self) -> Ended:
        """Wait for the end."""
        while not self.ended:
            await self._news(3600)
        return self.ended

    async def _news(self, patience: float) -> bool:
        """True when something was said or the turn ended, False after `patience` seconds."""
        loop = asyncio.get_running_loop()
        news: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(patience, news.cancel)
        self._followers.add(news)
        try:
            await news
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            return False
        finally:
            timer.cancel()
            self._followers.discard(news)
        return True

    def _wake(self) -> None:
        for news in self._followers:
            if not news.done():
                news.set_result(None)


class StoredTurn:
    """A turn that has ended, followed in the same way."""

    __slots__ = ("ended", "id", "persona", "session", "text")

    def __init__(self, turn: UUID, session: UUID, persona: str, text: str, ended: Ended) -> None:
        self.id = turn
        self.session = session
        self.persona = persona
        self.text = text
        self.ended = ended

    async def follow(self) -> AsyncIterator[Event]:
        if self.text:
            yield Said(self.text)
        yield self.ended

    async def finished(self) -> Ended:
        return self.ended


class LiveTurns:
    """The running turns of this worker, by their id and by their session."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, LiveTurn] = {}
        self._by_session: dict[UUID, LiveTurn] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, turn: LiveTurn) -> None:
        self._by_id[turn.id] = turn
        self._by_session[turn.session] = turn

    def remove(self, turn: LiveTurn) -> None:
        self._by_id.pop(turn.id, None)
        if self._by_session.get(turn.session) is turn:
            del self._by_session[turn.session]

    def get(self, turn: UUID) -> LiveTurn | None:
        return self._by_id.get(turn)

    def of_session(self, session: UUID) -> LiveTurn | None:
        return self._by_session.get(session)

    def all(self) -> list[LiveTurn]:
        return list(self._by_id.values())
