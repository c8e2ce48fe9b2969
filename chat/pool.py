"""The turns' connections to the database: psycopg's async pool, none of it held longer than a statement takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gauges import metrics, slow
from problems import DatabaseUnavailable

Connection = psycopg.AsyncConnection[TupleRow]

UNTRIED = 0.5
"""s without use after which a connection is tried before it is used."""

CONNECT = 5
"""s for a new connection."""

AWAY = 0.5
"""s for a connection of the pool's, once the database was out of reach: who asks meanwhile is told so soon."""

ANSWER, HOUSEKEEPING = 10.0, 60.0
"""s after which a database that says nothing is out of reach: one that is halted, or behind a network that drops all."""

NOT_MIGRATED = "The database is not at this version; run manage.py migrate."


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """A database that can't be reached becomes DatabaseUnavailable."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise DatabaseUnavailable(NOT_MIGRATED) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TimeoutError) as error:
        raise DatabaseUnavailable from error


class Pool:
    """At most `size` connections; who finds none free waits for `timeout` s. Waits and slow statements are counted."""

    def __init__(self, conninfo: str, size: int, timeout: float) -> None:
        self._away = False
        self._refused = 0
        self._used: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            timeout=timeout,
            open=False,
            check=self._check,
            kwargs={
                "row_factory": tuple_row,
                "autocommit": True,
                "connect_timeout": CONNECT,
                "tcp_user_timeout": int(ANSWER * 1000),
            },
            reconnect_timeout=60,
        )

    async def _check(self, connection: Connection) -> None:
        """A server that was restarted is found out here, not by a turn; what was in use just now needs no look."""
        now = time.monotonic()
        if now - self._used.get(connection, 0) > UNTRIED:
            await AsyncConnectionPool.check_connection(connection)
        self._used[connection] = now

    @asynccontextmanager
    async def connection(self, statement: str, seconds: float | None = None) -> AsyncIterator[Connection]:
        """One of the pool's for a statement, for so long at most. Raises DatabaseUnavailable."""
        asked, waiting = time.monotonic(), True
        try:
            async with (
                translated(),
                asyncio.timeout(ANSWER if seconds is None else seconds),
                self._pool.connection(AWAY if self._away else None) as one,
            ):
                self._away = waiting = False
                metrics.POOL_WAIT_SECONDS.observe(time.monotonic() - asked)
                with slow.timed(statement):
                    yield one
        except DatabaseUnavailable as error:
            if waiting:
                metrics.POOL_WAIT_SECONDS.observe(time.monotonic() - asked)
            if isinstance(error.__cause__, PoolTimeout):
                self._look_why()
            raise

    def _look_why(self) -> None:
        """The pool had no connection: is the database out of reach, or is the pool only busy?"""
        refused = self._pool.get_stats().get("connections_errors", 0)
        self._away = self._away or refused > self._refused
        self._refused = refused

    def stats(self) -> dict[str, int]:
        """In psycopg_pool's words: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats"""
        return self._pool.get_stats()

    async def open(self) -> None:
        """Begin to connect; a database that is down is no reason not to start."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5)
