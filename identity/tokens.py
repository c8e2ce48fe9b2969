"""Tokens of the app's own identity provider (RFC 7519, RFC 7517): who signed is looked up, and nothing in a token says how.

The provider's keys are fetched when they are first needed, again when a token names one that is not known, and again when
they have grown old. While the provider is away those that are known go on to be used.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from identity.callers import CHAT, Caller
from problems import IdentityUnavailable, Unauthenticated

logger = logging.getLogger(__name__)

LONGEST = 8192
"""Characters of a token."""

USER_CHARS = 200
OLD = 300.0
"""s after which the provider's keys are fetched again."""

PAUSE = 10.0
"""s at least between two fetches, whatever tokens name."""

FETCH = 5.0
"""s that a fetch may take."""

LEEWAY = 30.0
"""s by which clocks may differ."""

_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")
"""NUL, and halves of surrogate pairs, which JSON can name."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """As the settings have it. `app`: whose users its subjects are."""

    issuer: str
    audience: str
    jwks_url: str
    algorithms: tuple[str, ...]
    app: str


class Tokens:
    """The identity provider as one worker knows it."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching = asyncio.Lock()
        self._away = False

    async def caller(self, text: str) -> Caller:
        """Whose token it is. Raises Unauthenticated, IdentityUnavailable."""
        if len(text) > LONGEST:
            raise Unauthenticated("The token is too long.")
        try:
            kid = jwt.get_unverified_header(text).get("kid")
        except jwt.InvalidTokenError:
            raise Unauthenticated("The token is not valid.") from None
        key = await self._key(kid if isinstance(kid, str) else "")
        return self._read(text, key)

    def _read(self, text: str, key: jwt.PyJWK) -> Caller:
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=list(self._issuer.algorithms),
                audience=self._issuer.audience,
                issuer=self._issuer.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except (jwt.InvalidTokenError, jwt.InvalidKeyError):
            raise Unauthenticated("The token is not valid.") from None
        user = claims["sub"]
        if not isinstance(user, str) or not 0 < len(user) <= USER_CHARS or _UNSTORABLE.search(user):
            raise Unauthenticated("The token's subject can't be a user's id.")
        return Caller(self._issuer.app, "token", user, frozenset({CHAT}))

    async def _key(self, kid: str) -> jwt.PyJWK:
        """The key of that id; the only one, where a token names none."""
        await self._refresh(kid)
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        key = self._keys.get(kid)
        if key is None:
            if self._fetched is None:
                raise IdentityUnavailable
            raise Unauthenticated("The token is signed with a key that its issuer does not have.")
        return key

    async def _refresh(self, kid: str) -> None:
        waits = self._fetching.locked() and kid not in self._keys  # for a fetch that another request has begun
        if not waits and not self._due(kid):
            return
        async with self._fetching:
            if not self._due(kid):
                return
            self._tried = time.monotonic()
            try:
                keys = await asyncio.to_thread(_fetch, self._issuer.jwks_url)
            except (jwt.PyJWTError, OSError, ValueError) as error:
                if not self._away:
                    logger.error("the identity provider's keys can't be fetched: %s", type(error).__name__)
                self._away = True
                return
            if self._away:
                logger.info("the identity provider's keys are there again")
            self._keys, self._fetched, self._away = keys, time.monotonic(), False

    def _due(self, kid: str) -> bool:
        now = time.monotonic()
        if self._tried is not None and now - self._tried < PAUSE:
            return False
        return self._fetched is None or now - self._fetched > OLD or bool(kid and kid not in self._keys)


def _fetch(url: str) -> dict[str, jwt.PyJWK]:
    """The provider's signing keys by id. Raises PyJWTError, OSError, ValueError."""
    client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH)
    return {key.key_id or "": key for key in client.get_signing_keys()}
