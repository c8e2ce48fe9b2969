"""How turns end: what is stored of them, told to their followers only afterwards, and tried again while the database is away."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from uuid import UUID

from brains.errors import where
from brains.types import Usage
from chat.events import Done, Ended, Failed
from chat.ids import outside
from chat.records import Kept, Stored
from chat.store import Store
from problems import DatabaseUnavailable, NotSaved, Problem, SessionDeleted, by_code

logger = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds in which storing a reply is tried again before its followers are told that it is not saved."""


AT_ONCE = 2
"""Ends stored at a time: where a thousand turns end together, the pool's other connections are there for those that begin."""


class Endings:
    """Stores the ends of this worker's turns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owed: dict[UUID, Kept] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    @property
    def owed(self) -> frozenset[UUID]:
        """Turns whose end is still to be stored, though their followers have gone."""
        return frozenset(self._owed)

    async def keep(self, kept: Kept, problem: Problem | None) -> Ended:
        """Store the end; what followers are told is what was stored."""
        try:
            ended = await self._stored(kept)
        except Problem as error:
            return Failed(kept.turn, kept.user_message, None, error)
        if not ended:
            gone = SessionDeleted() if ended is None else NotSaved()
            return Failed(kept.turn, kept.user_message, None, gone)
        message = kept.turn if kept.text else None
        if problem:
            return Failed(kept.turn, kept.user_message, message, problem)
        return Done(
            kept.turn, kept.user_message, message, kept.status, kept.brain, kept.fallback, kept.usage, kept.safety
        )

    async def settle(self) -> None:
        """Store what is still owed. Raises DatabaseUnavailable.

        What the database refuses is owed no more: its turn is then closed as one that nobody runs, with its last checkpoint.
        """
        for kept in list(self._owed.values()):
            try:
                await self._store.keep(kept)
            except DatabaseUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 — one that is refused must not keep the others from being stored
                logger.error("the reply of %s was refused: %s", outside("turn", kept.turn), where(error))
            else:
                logger.info("the reply of %s is stored after all", outside("turn", kept.turn))
            self._owed.pop(kept.turn, None)

    async def _stored(self, kept: Kept) -> bool | None:
        """Store.keep, tried again while the database is away. Raises NotSaved."""
        end, pause = time.monotonic() + PATIENCE, 0.1
        while True:
            try:
                async with self._room:
                    return await self._store.keep(kept)
            except DatabaseUnavailable as error:
                if time.monotonic() + pause > end:
                    logger.error("the reply of %s could not be stored: %r", outside("turn", kept.turn), error.__cause__)
                    status = "interrupted" if kept.text else "failed"
                    self._owed[kept.turn] = replace(kept, status=status, error=NotSaved.code)
                    raise NotSaved from error
            except Exception as error:  # a statement that fails on its data fails again: say so, and end the turn
                logger.error("the reply of %s was refused: %s", outside("turn", kept.turn), where(error))
                raise NotSaved from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def told(stored: Stored) -> Ended:
    """How a stored turn ended, as its followers were told."""
    message = stored.turn if stored.text else None
    if stored.error:
        return Failed(stored.turn, stored.user_message, message, by_code(stored.error))
    usage = None
    if stored.input_tokens is not None and stored.output_tokens is not None:
        usage = Usage(stored.input_tokens, stored.output_tokens)
    return Done(
        stored.turn, stored.user_message, message, stored.status, stored.brain, stored.fallback, usage, stored.safety
    )
