"""The turns' side of the database: what is asked of it. The SQL is in chat.statements, the connections in chat.pool.

A turn takes three statements, each a transaction of its own: what there is (`scene`), its beginning (`new_turn`), its end
(`keep`). None is held open while something is decided: a beginning is stored only if the session is still as it was seen, else
there is another look. What changes a session or ends its turns locks the session's row before others, so that no two can wait
for each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from chat import spending, statements
from chat.mailbox import Letter
from chat.pool import HOUSEKEEPING, Pool
from chat.prompts import Utterance
from chat.records import Checkpoint, Counted, Kept, NewTurn, Place, Progress, Scene, Stored, Voice
from chat.spending import Drawn, Need, Spender, refused
from identity import walls
from identity.callers import ANONYMOUS, Caller
from personas.instructions import script_of
from safety.rules import Rules, delivered

OVERTAKEN = frozenset({"one_running_turn_of_a_session", "one_running_turn_in_a_slot", "idempotency_key_once"})
"""Constraints that say: another send was first, between the look and the beginning."""


class Store:
    """At most `size` connections, none held between two calls."""

    def __init__(self, conninfo: str, size: int, timeout: float = 5.0) -> None:
        self._voices: dict[int, Voice] = {}
        self._rules = delivered()
        self._pool = Pool(conninfo, size, timeout)

    def pool_stats(self) -> dict[str, int]:
        """How the pool is doing, in psycopg_pool's words."""
        return self._pool.stats()

    async def open(self) -> None:
        """Begin to connect; a database that is down is no reason not to start."""
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    # --- a turn's beginning -------------------------------------------------------------------------------------

    async def place(self, message: UUID, caller: Caller) -> Place | None:
        """Where a message is to be answered anew; None where the caller has no such message."""
        values = {"message": message, "app": caller.app, "user": caller.user}
        rows = await self._behind(caller, statements.PLACE, values)
        return Place(*rows[0]) if rows else None

    async def owns(self, turn: UUID, caller: Caller) -> bool:
        """Whether the caller has such a turn."""
        values = {"turn": turn, "app": caller.app, "user": caller.user}
        return bool(await self._behind(caller, statements.OWN_TURN, values))

    async def scene(self, session: UUID, place: Place | None, reach: int, key: str, caller: Caller) -> Scene | None:
        """What a turn needs to know: at the session's head, or where an earlier message stands.

        None: the caller has no such session.

        The path goes back `reach` characters at least, where there are so many.
        """
        asked = {
            "session": session,
            "at_head": place is None,
            "anchor": place and place.parent,
            "anonymous": ANONYMOUS,
            "reach": reach,
            "key": key,
            "app": caller.app,
            "user": caller.user,
        }
        rows = await self._behind(caller, statements.SCENE, asked)
        if not rows:
            return None
        row = rows[0]
        path = tuple(Utterance(role, text, status or "", offset) for role, text, offset, status in row[20] or ())
        voice = await self._voice(row[6])
        rules = await self._rules_of(row[17])
        counted = row[19] and Counted(*row[19])
        values: list[Any] = [*row[:6], voice, *row[7:16], frozenset(row[16]), rules, row[18], counted, path, *row[21:]]
        return Scene(*values)

    async def _behind(self, caller: Caller, statement: str, values: dict[str, Any]) -> list[TupleRow]:
        """The rows of one statement that the caller may see, whatever it asks for (identity.walls)."""
        if caller.open:
            return await self.rows(statement, values)
        async with self._pool.connection(statement) as connection, connection.pipeline(), connection.transaction():
            await connection.execute(walls.ENTER.encode(), walls.place_of(caller))
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()

    async def _voice(self, version: int | None) -> Voice | None:
        if version is None:
            return None
        voice = self._voices.get(version)
        if voice is None:
            ((persona, tone, number, instructions, brain, script),) = await self.rows(statements.VOICE, [version])
            voice = Voice(persona, tone, number, instructions, brain, script_of(script))
            self._voices[version] = voice
        return voice

    async def gentle(self, personas: Sequence[str]) -> Voice | None:
        """The first of these that is published and not of hard tone."""
        rows = await self.rows(statements.GENTLE, {"personas": list(personas)})
        return await self._voice(rows[0][0]) if rows else None

    async def _rules_of(self, version: int | None) -> Rules:
        """Versions never change: each is read once."""
        if version is None:
            return delivered()
        if self._rules.number != version:
            ((content,),) = await self.rows(statements.RULES, [version])
            self._rules = Rules(content, version)
        return self._rules

    async def new_turn(self, new: NewTurn, need: Need | None = None, spender: Spender | None = None) -> bool:
        """Store the turn, and the user's message where it is new; with a `need`, reserve it in the budgets of `spender`.

        False: the session has changed since it was looked at. Raises BudgetExceeded, DatabaseUnavailable; then nothing is stored.
        """
        values = {name: getattr(new, name) for name in NewTurn.__slots__}
        try:
            if need and spender:
                stored = await self._new_turn_within(values, need, spender)
            else:
                ((stored,),) = await self.rows(statements.NEW_TURN, values)
        except psycopg.errors.ForeignKeyViolation:  # what it would follow was deleted
            return False
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name in OVERTAKEN:
                return False
            raise
        return bool(stored)

    async def _new_turn_within(self, values: dict[str, Any], need: Need, spender: Spender) -> int:
        """NEW_TURN within budgets. What a turn that runs may spend is in them, so of many at once none overdraws."""
        asked = {"turn": values["turn"], **asdict(need), **asdict(spender), **spender.subjects()}
        async with self._pool.connection(statements.NEW_TURN) as connection, connection.transaction():
            cursor = await connection.execute(statements.NEW_TURN, values)
            ((stored,),) = await cursor.fetchall()
            if stored:
                cursor = await connection.execute(spending.RESERVE, asked)
                if problem := refused([Drawn(*row) for row in await cursor.fetchall()], need):
                    raise problem
        return int(stored)

    # --- its end ------------------------------------------------------------------------------------------------

    async def keep(self, kept: Kept) -> bool | None:
        """Store the end of a turn, once. False: it had ended before. None: it is gone with its session."""
        usage = kept.usage
        values = {
            **{name: getattr(kept, name) for name in Kept.__slots__ if name != "usage"},
            "input_tokens": usage and usage.input_tokens,
            "output_tokens": usage and usage.output_tokens,
            "cache_read_tokens": usage and usage.cache_read_tokens,
            "cache_write_tokens": usage and usage.cache_write_tokens,
        }
        async with self._pool.connection(statements.KEEP) as connection:
            row = await (await connection.execute(statements.KEEP, values)).fetchone()
            if row and row[0]:
                return True
            # Asked anew: what was deleted while KEEP waited for the lock is still there in its snapshot.
            row = await (await connection.execute(statements.ENDED, values)).fetchone()
            if row is None:
                await connection.execute(spending.SETTLE, values)
        return bool(row[0]) if row else None

    async def stored(self, turn: UUID) -> Stored | None:
        """A turn as it is stored now."""
        rows = await self.rows(statements.STORED, [turn])
        return Stored(*rows[0]) if rows else None

    async def checkpoint(self, worker: UUID, said: Sequence[Checkpoint], letters: Sequence[Letter]) -> set[UUID]:
        """Make durable what running turns have said, and tell of it, in one statement; the turns whose text is stored now.

        Left out are those that have ended, are gone, or are ending at this moment.
        """
        values = {
            **_addressed(letters),
            "worker": worker,
            "said": json.dumps([{"turn": one.turn.hex, "start": one.start, "text": one.text} for one in said]),
        }
        ((found, _),) = await self.rows(statements.CHECKPOINT, values)
        stored = frozenset((found or "").split())
        return {one.turn for one in said if one.turn.hex in stored}

    async def progress(self, seen: Mapping[UUID, int]) -> dict[UUID, Progress]:
        """What turns have said beyond the characters that are known of each; none for a turn that is gone."""
        values = {"turns": list(seen), "starts": list(seen.values())}
        rows = await self.rows(statements.PROGRESS, values)
        return {row[0]: Progress(*row) for row in rows}

    async def wishes(self, worker: UUID) -> dict[UUID, bool]:
        """The turns that the database takes for this worker's running ones, and whether each is asked to stop."""
        return {row[0]: row[1] for row in await self.rows(statements.WISHES, {"worker": worker})}

    async def request_stop(self, turn: UUID) -> str | None:
        """Ask the worker that runs a turn to stop it; the turn's status, None where there is no such turn."""
        rows = await self.rows(statements.REQUEST_STOP, {"turn": turn})
        return rows[0][0] if rows else None

    async def tell(self, letters: Sequence[Letter]) -> None:
        """Send letters, in one statement."""
        await self.rows(statements.TELL, _addressed(letters))

    async def ping(self) -> None:
        """Raise DatabaseUnavailable where no statement goes through."""
        async with self._pool.connection(statements.PING) as connection:
            await connection.execute(statements.PING)

    async def execute(self, statement: str, values: dict[str, Any]) -> int:
        """One statement of the worker's own housekeeping; the number of rows."""
        async with self._pool.connection(statement, HOUSEKEEPING) as connection:
            return (await connection.execute(statement.encode(), values)).rowcount

    async def rows(
        self, statement: str, values: dict[str, Any] | list[Any], *, ms: int | None = None
    ) -> list[TupleRow]:
        """The rows of one statement. One that takes longer than `ms` milliseconds is given up by the database."""
        async with self._pool.connection(statement) as connection:
            if ms is None:
                return await (await connection.execute(statement.encode(), values)).fetchall()
            async with connection.pipeline(), connection.transaction():
                await connection.execute(f"SET LOCAL statement_timeout = {ms:d}".encode())
                cursor = await connection.execute(statement.encode(), values)
                return await cursor.fetchall()


def _addressed(letters: Sequence[Letter]) -> dict[str, list[str]]:
    return {"channels": [channel for channel, _ in letters], "words": [words for _, words in letters]}
