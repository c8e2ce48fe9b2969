"""Keys of apps: `coach_<id>_<secret>`, shown once. Of the secret a digest is kept; it is random enough to need no salt."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from identity.callers import ACT_FOR_USERS, Caller
from identity.models import ApiKey
from problems import Unauthenticated

PREFIX = "coach_"
FORM = re.compile(r"coach_([0-9a-f]{16})_([\w-]{43})", re.ASCII)

FRESH = 1.0
"""s for which a key that was found good is not looked up again: a revoked one is refused after this time."""

NOTED = 60.0
"""s between two records of a key's use, by one worker."""

LOOK = """
SELECT digest, name, app, scopes FROM identity_apikey
WHERE id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
NOTE = "UPDATE identity_apikey SET last_used_at = now() WHERE id = %s RETURNING 1"


class Rows(Protocol):
    async def __call__(self, statement: str, values: list[Any], /) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    digest: str
    caller: Caller
    until: float


class Keys:
    """The keys as one worker knows them. `rows` asks the database."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._known: dict[str, _Known] = {}
        self._noted: dict[str, float] = {}

    async def caller(self, text: str) -> Caller:
        """Whose key it is. Raises Unauthenticated, DatabaseUnavailable."""
        found = FORM.fullmatch(text)
        if found is None:
            raise Unauthenticated("This is no API key of this server.")
        key, secret = found.groups()
        known = self._known.get(key)
        if known is None or known.until < time.monotonic():
            known = await self._look(key)
        if not hmac.compare_digest(known.digest, digest(secret)):
            raise Unauthenticated("This API key is not valid.")
        if time.monotonic() - self._noted.get(key, -NOTED) >= NOTED:
            self._noted[key] = time.monotonic()
            await self._rows(NOTE, [key])
        return known.caller

    async def _look(self, key: str) -> _Known:
        rows = await self._rows(LOOK, [key])
        if not rows:
            self._known.pop(key, None)
            self._noted.pop(key, None)
            raise Unauthenticated("This API key is not valid.")
        ((kept, name, app, scopes),) = rows
        known = _Known(kept, caller(key, name, app, scopes), time.monotonic() + FRESH)
        self._known[key] = known
        return known


def caller(key: str, name: str, app: str, scopes: Collection[str]) -> Caller:
    """Who calls with a key: the app for its users, or, without that scope, one user of the app, who is the key itself."""
    user = None if ACT_FOR_USERS in scopes else f"key:{key}"
    return Caller(app, f"key {name}", user, frozenset(scopes))


def digest(secret: str) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(name: str, app: str, scopes: Collection[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key, stored, and its text, which is nowhere else."""
    secret = secrets.token_urlsafe(32)
    made = ApiKey(
        id=secrets.token_hex(8),
        name=name,
        app=app,
        scopes=sorted(scopes),
        digest=digest(secret),
        expires_at=expires_at,
    )
    made.full_clean()
    made.save(force_insert=True)
    return made, f"{PREFIX}{made.id}_{secret}"
