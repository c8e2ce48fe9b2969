"""The gate behind the door: who asks, and whether they may ask this. Both rooms are behind it; what it does not know is shut.

In `open` mode nobody has to say who they are. In `token` mode a request brings an app's key, a user's token, or the cookie of
a login; what it may reach is then decided by rows' owners (identity.callers).
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from chat import worker
from coach_project.doors import Scope
from identity import logins, walls
from identity.callers import CHAT, OPEN, OPERATE, SCOPES, Caller
from identity.keys import PREFIX, Keys
from identity.quotas import Quota
from identity.rates import Cached, Counts, Rates, Stored
from identity.tokens import Issuer, Tokens
from problems import Forbidden, RateLimited, Unauthenticated

ADMIN = f"/{settings.COACH_ADMIN_PATH}"
PUBLIC = frozenset(
    {"/", "/login", "/logout", "/health/live", "/health/ready", "/api/schema", "/api/docs", ADMIN, "/favicon.ico"}
)
"""Nothing of anybody's is there; the page itself asks for a login."""

PUBLIC_BELOW = ("/page/", "/static/", f"{ADMIN}/")
"""Django's admin has its own login."""

CHATTING = ("/chat/", "/memory", "/user", "/brain/health")
OPERATING = ("/brain/", "/metrics")
KEYED = re.compile(r"/chat/(?:start|stream|message|messages/[^/]+/(?:regenerate|edit))")
"""Where an Idempotency-Key is honoured; these views heed `Caller.refused`."""

SAFE = ("GET", "HEAD", "OPTIONS")


def needed(path: str) -> str | None:
    """The scope that a path needs; None where it is open to all. What is not known needs to be an operator's."""
    if path in PUBLIC or path.startswith(PUBLIC_BELOW):
        return None
    return CHAT if path.startswith(CHATTING) else OPERATE


class Gate:
    """One worker's. `always_open`: the server is in `open` mode."""

    def __init__(self, *, always_open: bool) -> None:
        self._always_open = always_open
        self._keys = Keys(_rows)
        limited = settings.COACH_LIMITS and not always_open
        self._rates = Rates(
            _counts(),
            app=settings.COACH_REQUESTS_PER_APP if limited else 0,
            user=settings.COACH_REQUESTS_PER_USER if limited else 0,
        )
        self._tokens = Tokens(_issuer()) if settings.COACH_JWT_JWKS_URL else None

    async def admit(self, scope: Scope) -> Quota | None:
        """Puts the caller into the scope; what they may still send, where that is limited.

        Raises Unauthenticated, Forbidden, RateLimited, IdentityUnavailable, DatabaseUnavailable.
        """
        if self._always_open:
            scope["caller"] = OPEN
            return None
        scopes = needed(scope["path"])
        if scopes is None:
            return None
        caller, quota = await self._caller(scope), None
        try:
            quota = await self._rates.count(caller)
        except RateLimited as refused:
            if not _may_repeat(scope):
                raise
            caller = replace(caller, refused=refused)
        if scopes not in caller.scopes:
            raise Forbidden(f"This needs the scope {scopes} ({SCOPES[scopes]}).")
        scope["caller"] = caller
        return quota

    async def _caller(self, scope: Scope) -> Caller:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        scheme, _, text = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
        text = text.strip()
        if not scheme:
            return await self._logged_in(scope, headers)
        if scheme.lower() != "bearer" or not text:
            raise Unauthenticated("Send Authorization: Bearer, with an API key or a token.")
        if text.startswith(PREFIX):
            return await self._keys.caller(text)
        if self._tokens is None:
            raise Unauthenticated("This server takes no tokens of users, only API keys.")
        return await self._tokens.caller(text)

    async def _logged_in(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        session = _cookie(headers.get(b"cookie", b""), settings.SESSION_COOKIE_NAME)
        caller = await asyncio.to_thread(logins.caller, session) if session else None
        if caller is None:
            raise Unauthenticated
        if scope["method"] not in SAFE and _forged(scope):
            raise Forbidden("The page's token is missing or old; load the page again.")
        return caller


def _may_repeat(scope: Scope) -> bool:
    """Whether a refused request may be one that was sent before: what it began is looked up all the same, by its view."""
    return (
        scope["method"] == "POST"
        and KEYED.fullmatch(scope["path"]) is not None
        and any(name == b"idempotency-key" for name, _ in scope["headers"])
    )


def _cookie(header: bytes, name: str) -> str:
    try:
        found = SimpleCookie(header.decode("latin-1")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _forged(scope: Scope) -> bool:
    """Whether another site may have sent it in the name of one who is logged in: Django's own check, of cookie and header."""
    request = ASGIRequest(dict(scope), io.BytesIO())
    check = CsrfViewMiddleware(_nothing)
    check.process_request(request)
    return check.process_view(request, _nothing, (), {}) is not None


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def _rows(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    return await worker.current().turns.store.rows(statement, values)


def _counts() -> Counts:
    stored = Stored(_rows)
    return Cached(cache, stored) if settings.REDIS_URL else stored


def _issuer() -> Issuer:
    return Issuer(
        issuer=settings.COACH_JWT_ISSUER,
        audience=settings.COACH_JWT_AUDIENCE,
        jwks_url=settings.COACH_JWT_JWKS_URL,
        algorithms=settings.COACH_JWT_ALGORITHMS,
        app=settings.COACH_JWT_APP,
    )


class Walled:
    """Django middleware, the last: views that answer a caller see the rows of that caller alone (identity.walls)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        caller = getattr(request, "scope", {}).get("caller")
        if caller is None or needed(request.path) == OPERATE:
            return self._get_response(request)
        with walls.behind(caller):
            return self._get_response(request)
