"""How many requests a caller may send in a minute, counted for all workers in one place.

In the database one statement raises a row, or refuses; where there is a Redis (REDIS_URL), Django's cache counts there, and while
that is away the database does again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from django.core.cache import BaseCache

from identity.callers import Caller
from identity.quotas import Quota, subject
from problems import RateLimited

logger = logging.getLogger(__name__)

Rows: TypeAlias = Callable[[str, list[Any]], Awaitable[list[tuple[Any, ...]]]]

WINDOW = 60
"""s"""

AWAY = 5.0
"""s after which a cache that was away is asked again."""

# Of two workers that count at once the second waits for the first, and refuses by what that one has counted.
COUNT = """
INSERT INTO identity_requestcount AS c (subject, minute, count) VALUES (%s, %s, 1)
ON CONFLICT (subject, minute) DO UPDATE SET count = c.count + 1 WHERE c.count < %s
RETURNING count
"""

FORGET = "DELETE FROM identity_requestcount WHERE minute < %s RETURNING 1"


class Counts(Protocol):
    async def raised(self, subject: str, minute: int, most: int) -> int | None:
        """The count with this request; None where there are `most` already, which then counts no more."""
        ...


class Stored:
    """Counts in the database."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._forgotten = 0

    async def raised(self, subject: str, minute: int, most: int) -> int | None:
        """Raises DatabaseUnavailable."""
        found = await self._rows(COUNT, [subject, minute, most])
        if self._forgotten < minute:
            self._forgotten = minute
            await self._rows(FORGET, [minute - 1])
        return found[0][0] if found else None


class Cached:
    """Counts in Django's cache; `otherwise` while it is away."""

    def __init__(self, cache: BaseCache, otherwise: Counts) -> None:
        self._cache = cache
        self._otherwise = otherwise
        self._away_until = 0.0

    async def raised(self, subject: str, minute: int, most: int) -> int | None:
        """Raises what `otherwise` does."""
        if time.monotonic() >= self._away_until:
            try:
                counted = await asyncio.to_thread(self._raise, f"requests:{subject}:{minute}")
            except Exception as error:  # noqa: BLE001 — a backend's errors have no type in common
                if not self._away_until:
                    logger.error("the cache is out of reach, requests are counted in the database: %r", error)
                self._away_until = time.monotonic() + AWAY
            else:
                if self._away_until:
                    logger.info("the cache is back")
                self._away_until = 0.0
                return counted if counted <= most else None
        return await self._otherwise.raised(subject, minute, most)

    def _raise(self, key: str) -> int:
        self._cache.add(key, 0, 2 * WINDOW)
        return int(self._cache.incr(key))


class Rates:
    """`app` and `user` are the most requests in a minute; 0: any number."""

    def __init__(self, counts: Counts, *, app: int, user: int) -> None:
        self._counts = counts
        self._most = {"app": app, "user": user}

    async def count(self, caller: Caller) -> Quota | None:
        """Count a request; None where it is not limited. Raises RateLimited, DatabaseUnavailable."""
        policy = "app" if caller.user is None else "user"
        most = self._most[policy]
        if not most:
            return None
        now = int(time.time())
        seconds = WINDOW - now % WINDOW
        counted = await self._counts.raised(_subject(caller), now // WINDOW, most)
        quota = Quota(policy, most, most - (most if counted is None else counted), WINDOW, seconds)
        if counted is None:
            sentence = f"You may send {most} requests a minute; wait {seconds} s."
            raise RateLimited(sentence, retry_after=seconds, more_headers=quota.headers())
        return quota


def _subject(caller: Caller) -> str:
    """A user, or a key of an app."""
    return subject(caller.app, caller.name, "") if caller.user is None else subject(caller.app, caller.user)
