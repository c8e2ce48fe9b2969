"""The door that every request passes: where it listens, host, origin, size and type of the body; CORS on the way out.

Plain ASGI, before Django: the stream room has no middleware, and what is refused here costs nothing.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from django.http.request import split_domain_port, validate_host

from coach_project.errors import body_of, problem_of
from problems import Forbidden, Invalid, OriginNotAllowed, Problem, TooLarge, UnsupportedMediaType

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Room: TypeAlias = Callable[[Scope, bytes, Receive, Send], Awaitable[None]]

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

BODY_LIMIT = 1 << 20
ADMIN_BODY_LIMIT = 5 << 20
ALLOWED_HEADERS = b"content-type, authorization, idempotency-key, accept, last-event-id, cache-control, x-request-id"
EXPOSED_HEADERS = b"x-session-id, x-turn-id, x-request-id, retry-after, ratelimit, ratelimit-policy"
STATIC = "/static/"
FILES = ("/page/", STATIC)
GUARDS: Headers = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))
POLICIES: Headers = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""For all but files, which are part of a page that has them."""
FORMS = ("/login", "/logout")
METHODS = b"GET, POST, PATCH, DELETE, OPTIONS"


class ClientLeft(Exception):
    """The client went away before its request was complete."""


@functools.lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, stands for this machine alone."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Origins:
    """Which web pages may call: those of COACH_ORIGINS, the server's own, and in `open` mode those of this machine."""

    def __init__(self, allowed: Iterable[str], *, loopback: bool) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)
        self._loopback = loopback

    def allow(self, origin: str, host: str) -> bool:
        """`origin` and `host` are the request's headers."""
        parts = urlsplit(origin.lower())
        if parts.scheme not in ("http", "https") or parts.path or not parts.netloc:
            return False
        if origin.lower() in self._allowed or parts.netloc == host.lower():
            return True
        return self._loopback and is_loopback(split_domain_port(parts.netloc)[0])


class Door:
    """Checks, then hands the request with its whole body to one of the two rooms."""

    def __init__(
        self,
        room: Room,
        *,
        hosts: list[str],
        origins: Origins,
        loopback_only: bool,
        hsts: int | None = None,
        admin: str = "admin",
    ) -> None:
        """`hsts`: seconds for which browsers are told to come by https alone; `admin`: the first part of its paths."""
        self._admin = f"/{admin}/"
        self._untrimmed = (self._admin, STATIC)  # Django's own, whose paths end in a slash; elsewhere one is taken off
        self._always = GUARDS if hsts is None else (*GUARDS, (b"strict-transport-security", b"max-age=%d" % hsts))
        self._room = room
        self._hosts = hosts
        self._origins = origins
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        path = scope["path"]
        if len(path) > 1 and path.endswith("/") and not path.startswith(self._untrimmed):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        send = with_headers(self._always if path.startswith(FILES) else (*self._always, *POLICIES), send)
        try:
            self._check(scope, headers, origin)
            if origin:
                send = _with_cors(send, origin.encode("latin-1"))
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _preflight(send)
                return
            body = await _body(scope, headers, receive, admin=path.startswith(self._admin))
            del headers  # what is held while a reply is said is held thousands of times
            await self._room(scope, body, receive, send)
        except ClientLeft:
            return
        except Problem as problem:
            await send_problem(send, problem)
        except Exception as error:  # noqa: BLE001 — the last place before the server's own plain-text page
            await send_problem(send, problem_of(error, scope["method"], scope["path"]))

    def _check(self, scope: Scope, headers: dict[bytes, bytes], origin: str) -> None:
        server = scope.get("server")
        if self._loopback_only and server and server[1] is not None and not is_loopback(server[0]):
            raise Forbidden("In open mode the server answers on the loopback address only.")
        host = headers.get(b"host", b"").decode("latin-1")
        domain, _ = split_domain_port(host)
        # A platform asks for health by an address that nobody lists; in `open` mode no foreign name is served at all.
        any_host = scope["path"].startswith("/health/") and not self._loopback_only
        if not any_host and (not domain or not validate_host(domain, self._hosts)):
            raise Invalid("This server does not serve that host; DJANGO_ALLOWED_HOSTS lists those that it does.")
        if origin and not self._origins.allow(origin, host):
            raise OriginNotAllowed


async def _body(scope: Scope, headers: dict[bytes, bytes], receive: Receive, *, admin: bool) -> bytes:
    """The whole body. Raises TooLarge, UnsupportedMediaType and ClientLeft."""
    form = admin or scope["path"] in FORMS
    limit = ADMIN_BODY_LIMIT if admin else BODY_LIMIT
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:12]) > limit:
        raise TooLarge(f"A body may take at most {limit} bytes.")
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise TooLarge(f"A body may take at most {limit} bytes.")
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if size and not form and media_type != b"application/json":
        raise UnsupportedMediaType
    return b"".join(parts)


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ALLOWED_HEADERS),
        (b"access-control-max-age", b"600"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers[:3]})
    await send({"type": "http.response.body", "body": b""})


def with_headers(always: Headers, send: Send) -> Send:
    """`send` with headers that an answer of either room gets where it does not bring its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = message.get("headers", ())
            named = {name.lower() for name, _ in own}
            message = {**message, "headers": [*own, *(each for each in always if each[0] not in named)]}
        await send(message)

    return sending


def _with_cors(send: Send, origin: bytes) -> Send:
    """Tell the browser that this origin may read the answer. No credentials: nothing here rests on cookies but the admin."""
    added = [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", EXPOSED_HEADERS),
        (b"vary", b"Origin"),
    ]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


async def send_problem(send: Send, problem: Problem) -> None:
    """An error as a whole response."""
    body = body_of(problem)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers().items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
