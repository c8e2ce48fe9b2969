"""The hot path's SQL: psycopg's async pool and the statements of a turn. tests/chat/test_store.py holds them against the models.

A turn is two short transactions, five statements in all. `opening` locks the session's row first, so that two sends are
decided one after the other; what it reads then is younger than the lock. `keep` locks the same row first, so that the
two can't wait for each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from brains.types import Usage
from chat.prompts import Utterance
from problems import DatabaseUnavailable, TurnInProgress

Connection = psycopg.AsyncConnection[TupleRow]


@dataclass(frozen=True, slots=True)
class Scene:
    """A session as a turn finds it, with the persona's current version. `version` 0: there is no such persona."""

    session: UUID
    owner: int
    language: str
    persona: str
    published: bool
    version: int
    instructions: str
    persona_brain: str
    script: dict[str, Any]
    session_brain: str
    active_brain: str
    head: UUID | None
    depth: int
    path_chars: int


@dataclass(frozen=True, slots=True)
class Past:
    """What was there before: a running turn, an earlier use of the idempotency key, the path's newest messages."""

    running: UUID | None
    key_digest: str
    key_turn: UUID | None
    path: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A user message and its turn, to be stored; `head` is the message that it follows."""

    turn: UUID
    message: UUID
    session: UUID
    owner: int
    head: UUID | None
    depth: int
    offset: int
    text: str
    title: str
    persona: str
    persona_version: int
    brain: str
    worker: UUID
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How a turn ended, to be stored. A reply with text carries the turn's UUID."""

    turn: UUID
    session: UUID
    owner: int
    user_message: UUID
    depth: int
    offset: int
    text: str
    status: str
    brain: str
    model: str
    fallback: bool
    usage: Usage | None
    error: str
    seconds_to_first_token: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A turn as it lies in the database, with the text of its reply."""

    turn: UUID
    session: UUID
    user_message: UUID
    status: str
    text: str
    brain: str
    model: str
    fallback: bool
    input_tokens: int | None
    output_tokens: int | None
    error: str
    persona: str


# By itself: a statement that waits for a lock goes on with joined rows from before the wait.
LOCK = "SELECT 1 FROM chat_session WHERE id = %s FOR NO KEY UPDATE"

SCENE = """
SELECT s.id, s.owner_id, o.language, s.persona_id, coalesce(p.published, false), coalesce(v.number, 0),
       coalesce(v.instructions, ''), coalesce(v.brain, ''), coalesce(v.script, '{}'::jsonb), s.brain,
       coalesce((SELECT alias FROM brains_activebrain), ''), s.head_id, coalesce(h.depth + 1, 0),
       coalesce(h."offset" + char_length(h.text), 0)
FROM chat_session s
JOIN identity_owner o ON o.id = s.owner_id
LEFT JOIN personas_persona p ON p.id = s.persona_id
LEFT JOIN personas_personaversion v ON v.id = p.current_id
LEFT JOIN chat_message h ON h.id = s.head_id
WHERE s.id = %s
"""

# `earlier` walks from the head towards the first message and ends at the window; one row comes back even without any.
PAST = """
WITH RECURSIVE earlier AS (
    SELECT id, parent_id, role, text, depth FROM chat_message WHERE id = %(head)s AND "offset" + char_length(text) > %(start)s
    UNION ALL
    SELECT m.id, m.parent_id, m.role, m.text, m.depth
    FROM earlier e JOIN chat_message m ON m.id = e.parent_id WHERE m."offset" >= %(start)s
), now AS (
    SELECT (SELECT id FROM chat_turn WHERE session_id = %(session)s AND status = 'running') AS running, k.digest, k.turn_id
    FROM (SELECT 1) AS one LEFT JOIN chat_idempotencykey k ON k.owner_id = %(owner)s AND k.key = %(key)s
)
SELECT n.running, n.digest, n.turn_id, e.role, e.text, t.status
FROM now n LEFT JOIN earlier e ON true LEFT JOIN chat_turn t ON t.reply_id = e.id
ORDER BY e.depth
"""

NEW_TURN = """
WITH message AS (
    INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
    VALUES (%(message)s, %(session)s, %(owner)s, %(head)s, 'user', %(text)s, %(depth)s, %(offset)s, now())
), turn AS (
    INSERT INTO chat_turn (id, session_id, owner_id, user_message_id, status, persona, persona_version, brain, model,
                           fallback, error, worker, created_at)
    VALUES (%(turn)s, %(session)s, %(owner)s, %(message)s, 'running', %(persona)s, %(persona_version)s, %(brain)s, '',
            false, '', %(worker)s, now())
), key AS (
    INSERT INTO chat_idempotencykey (owner_id, key, digest, session_id, turn_id, created_at)
    SELECT %(owner)s, %(key)s::text, %(digest)s, %(session)s, %(turn)s, now() WHERE %(key)s::text <> ''
)
UPDATE chat_session SET head_id = %(message)s, updated_at = now(), title = coalesce(nullif(title, ''), %(title)s)
WHERE id = %(session)s
"""

KEEP = """
WITH session AS (
    SELECT id FROM chat_session WHERE id = %(session)s FOR NO KEY UPDATE
), turn AS (
    UPDATE chat_turn
    SET status = %(status)s, brain = %(brain)s, model = %(model)s, fallback = %(fallback)s, error = %(error)s,
        input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
        cache_read_tokens = %(cache_read_tokens)s, cache_write_tokens = %(cache_write_tokens)s,
        reply_id = CASE WHEN %(text)s::text = '' THEN NULL ELSE id END,
        first_token_at = created_at + make_interval(secs => %(seconds_to_first_token)s::float8),
        finished_at = greatest(created_at, now())
    WHERE id = %(turn)s AND status = 'running' AND EXISTS (SELECT 1 FROM session)
    RETURNING id
), reply AS (
    INSERT INTO chat_message (id, session_id, owner_id, parent_id, role, text, depth, "offset", created_at)
    SELECT %(turn)s, %(session)s, %(owner)s, %(user_message)s, 'assistant', %(text)s, %(depth)s, %(offset)s, now()
    FROM turn WHERE %(text)s::text <> ''
    RETURNING id
), head AS (
    UPDATE chat_session s SET updated_at = now(),
        head_id = CASE WHEN s.head_id = %(user_message)s AND %(text)s::text <> '' THEN %(turn)s ELSE s.head_id END
    FROM turn WHERE s.id = %(session)s
)
SELECT count(*) FROM turn
"""

EXISTS = "SELECT count(*) FROM chat_turn WHERE id = %s"

STORED = """
SELECT t.id, t.session_id, t.user_message_id, t.status, coalesce(m.text, ''), t.brain, t.model, t.fallback,
       t.input_tokens, t.output_tokens, t.error, t.persona
FROM chat_turn t LEFT JOIN chat_message m ON m.id = t.reply_id WHERE t.id = %s
"""


NOT_MIGRATED = "The database is not at this version; run manage.py migrate."


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """A database that can't be reached becomes DatabaseUnavailable, a second running turn TurnInProgress."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == "one_running_turn_of_a_session":
            raise TurnInProgress from error
        raise
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise DatabaseUnavailable(NOT_MIGRATED) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable from error


class Store:
    """The turns' side of the database: at most `size` connections, none held between two calls."""

    def __init__(self, conninfo: str, size: int, timeout: float = 5.0) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            timeout=timeout,
            open=False,
            # A server that was restarted is found out here, not by a turn.
            check=AsyncConnectionPool.check_connection,
            kwargs={"row_factory": tuple_row, "autocommit": True},
            reconnect_timeout=60,
        )

    async def open(self) -> None:
        """Begin to connect; a database that is down is no reason not to start."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5)

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Opening]:
        """The one transaction in which a turn begins. Raises DatabaseUnavailable, TurnInProgress."""
        async with translated(), self._pool.connection() as connection, connection.transaction():
            yield Opening(connection)

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
        async with translated(), self._pool.connection() as connection:
            (ended,) = await _one(await connection.execute(KEEP, values))
            if ended:
                return True
            # Asked anew: what was deleted while KEEP waited for the lock is still there in its snapshot.
            (exists,) = await _one(await connection.execute(EXISTS, [kept.turn]))
        return False if exists else None

    async def stored(self, turn: UUID) -> Stored | None:
        """A turn as it is stored now."""
        async with translated(), self._pool.connection() as connection:
            row = await (await connection.execute(STORED, [turn])).fetchone()
        return Stored(*row) if row else None

    async def ping(self) -> None:
        """Raise DatabaseUnavailable where no statement goes through."""
        async with translated(), self._pool.connection() as connection:
            await connection.execute("SELECT 1")

    async def execute(self, statement: str, values: dict[str, Any]) -> int:
        """One statement of the worker's own housekeeping; the number of rows."""
        async with translated(), self._pool.connection() as connection:
            return (await connection.execute(statement.encode(), values)).rowcount

    async def rows(self, statement: str, values: dict[str, Any]) -> list[TupleRow]:
        """The rows of one statement of the worker's own housekeeping."""
        async with translated(), self._pool.connection() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


class Opening:
    """The statements of the transaction in which a turn begins, in their order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def scene(self, session: UUID) -> Scene | None:
        """Lock the session's row and load what a turn needs."""
        await self._connection.execute(LOCK, [session])
        row = await (await self._connection.execute(SCENE, [session])).fetchone()
        return Scene(*row) if row else None

    async def past(self, scene: Scene, start: int, key: str) -> Past:
        """What was there before, with the path's messages from its character `start` on."""
        values = {"head": scene.head, "start": start, "session": scene.session, "owner": scene.owner, "key": key}
        rows = await (await self._connection.execute(PAST, values)).fetchall()
        running, digest, turn = rows[0][:3]
        path = tuple(Utterance(row[3], row[4], row[5] or "") for row in rows if row[3])
        return Past(running, digest or "", turn, path)

    async def new_turn(self, new: NewTurn) -> None:
        """Store the user's message and its turn."""
        await self._connection.execute(NEW_TURN, {name: getattr(new, name) for name in NewTurn.__slots__})


async def _one(cursor: psycopg.AsyncCursor[TupleRow]) -> TupleRow:
    row = await cursor.fetchone()
    assert row is not None, "the statement gives one row"  # noqa: S101 — told to the type checker
    return row
