"""What workers tell each other: a few words through PostgreSQL's LISTEN and NOTIFY, on a channel of each worker's own.

    stop TURN            from whoever was asked to stop it, or deletes its session
    follow TURN WORKER   from a worker that has followers of a turn which another one runs
    news TURN …          to such a worker: there is more of these turns

Words only wake: what they are about lies in tables, so that one that is lost (the connection broke) is made good by the
next look. They carry ids, never text: a payload ends at 8,000 bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

logger = logging.getLogger(__name__)

Letter: TypeAlias = tuple[str, str]
"""A channel, and the words."""

IDS_OF_A_LETTER = 200

LONGEST_PAUSE = 2.0
"""s between two tries to connect."""


def channel(worker: UUID) -> str:
    """Where a worker listens."""
    return f"coach_{worker.hex}"


def follow(owner: UUID, turn: UUID, follower: UUID) -> Letter:
    """To the worker that runs a turn."""
    return channel(owner), f"follow {turn.hex} {follower.hex}"


def news(follower: UUID, turns: Sequence[UUID]) -> list[Letter]:
    """To a worker that follows turns."""
    parts = [turns[start : start + IDS_OF_A_LETTER] for start in range(0, len(turns), IDS_OF_A_LETTER)]
    return [(channel(follower), " ".join(("news", *(turn.hex for turn in part)))) for part in parts]


class Mailbox:
    """Listens, on one connection, for as long as the worker runs.

    `heard` gets each letter's verb and ids; `missed` is awaited whenever letters may have been missed.
    """

    def __init__(
        self,
        conninfo: str,
        worker: UUID,
        heard: Callable[[str, Sequence[UUID]], None],
        missed: Callable[[], Awaitable[None]],
    ) -> None:
        self._conninfo = conninfo
        self._channel = channel(worker)
        self._heard = heard
        self._missed = missed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=2)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    pause = 0.1
                    await self._missed()
                    async for notify in connection.notifies():
                        self._read(notify.payload)
            except psycopg.Error as error:
                logger.debug("the mailbox lost its connection: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _read(self, words: str) -> None:
        """Anyone who may use the database may write letters: one that makes no sense is left alone."""
        verb, *ids = words.split() or [""]
        try:
            self._heard(verb, [UUID(hex=each) for each in ids])
        except (ValueError, IndexError):
            logger.warning("a letter that makes no sense")
