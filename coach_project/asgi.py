"""The application: a lifespan around a door in front of two rooms.

The stream room serves the async views: no thread, no middleware, no Django connection. Everything else is stock Django.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
from collections.abc import Callable
from typing import Any, cast

import django
from django.core.handlers.asgi import ASGIHandler, ASGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
os.environ.setdefault("COACH_SERVING", "on")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 — after the set-up
from django.http import HttpResponse, HttpResponseBase  # noqa: E402
from django.urls import ResolverMatch, resolve  # noqa: E402

from chat import worker  # noqa: E402
from chat.outlet import Outlet  # noqa: E402
from chat.stream import EventStream  # noqa: E402
from coach_project.access import Gate  # noqa: E402
from coach_project.doors import Door, Message, Origins, Receive, Scope, Send, send_problem, with_headers  # noqa: E402
from coach_project.errors import problem_of  # noqa: E402
from coach_project.journal import Entry  # noqa: E402
from coach_project.lifespan import lifespan  # noqa: E402
from gauges import metrics  # noqa: E402
from problems import NotFound  # noqa: E402

stock = ASGIHandler()


gate = Gate(always_open=settings.COACH_AUTH == "open")


async def room(scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
    """Which of the two rooms: coroutine views belong to the stream room."""
    match = resolve(scope["path"])
    scope["entry"].leads_to(match, scope["path"])
    if quota := await gate.admit(scope):
        told = tuple((name.lower().encode(), value.encode()) for name, value in quota.headers().items())
        send = with_headers(told, send)
    if inspect.iscoroutinefunction(match.func):
        await stream_room(scope, body, receive, send, match)
    else:
        sending = _headers_only(send) if scope["method"] == "HEAD" else send
        await stock(dict(scope), _again(body, receive), cast(Any, sending))


def _headers_only(send: Send) -> Send:
    """`send` for an application that answers HEAD as if it were GET: gunicorn complains of a body."""

    async def sending(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` for an application that reads a body that was read already."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


async def stream_room(scope: Scope, body: bytes, receive: Receive, send: Send, match: ResolverMatch) -> None:
    """Answer from an async view. A client that leaves ends the answer, never the turn."""
    answering = asyncio.current_task()
    gone = False

    def leave(_: asyncio.Future[Message]) -> None:
        nonlocal gone
        if answering and not over:
            gone = True
            answering.cancel()

    over = False
    leaving = asyncio.ensure_future(receive())
    leaving.add_done_callback(leave)
    try:
        await _answer(_request(scope, body, match), match, send)
    except asyncio.CancelledError:
        if not gone or not answering or answering.uncancel():
            raise
    finally:
        over = True
        leaving.cancel()


def _request(scope: Scope, body: bytes, match: ResolverMatch) -> ASGIRequest:
    request = ASGIRequest(scope, io.BytesIO(body))
    request.resolver_match = match
    return request


async def _answer(request: ASGIRequest, match: ResolverMatch, send: Send) -> None:
    view: Callable[..., Any] = match.func
    try:
        response: HttpResponseBase = await view(request, *match.args, **match.kwargs)
    except Exception as error:  # noqa: BLE001 — rendering is all that is left to do with it
        await send_problem(send, problem_of(error, str(request.method), request.path))
        return
    headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    if isinstance(response, HttpResponse):
        headers.append((b"content-length", str(len(response.content)).encode()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.content})
        return
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    stream = cast(EventStream, response)
    outlet, snapshot = Outlet(stream.turn, send), stream.snapshot
    del request, response, stream, headers  # what is held while a reply is said is held thousands of times
    metrics.STREAMS.inc()
    try:
        await outlet.serve(snapshot=snapshot)
    finally:
        metrics.STREAMS.dec()


door = Door(
    room,
    hosts=settings.ALLOWED_HOSTS,
    origins=Origins(settings.COACH_ORIGINS, loopback=settings.COACH_AUTH == "open"),
    loopback_only=settings.COACH_AUTH == "open",
    hsts=settings.SECURE_HSTS_SECONDS or None,
    admin=settings.COACH_ADMIN_PATH,
)


class Application:
    """ASGI 3."""

    def __init__(self) -> None:
        self._answering = 0
        self._answered = asyncio.Event()  # set by the last answer of a stop
        self._draining: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                self._answering += 1
                try:
                    with Entry(scope) as entry:
                        scope["entry"] = entry
                        await door(scope, receive, entry.sending(send))
                finally:
                    self._answering -= 1
                    if self._draining and not self._answering:
                        self._answered.set()
            case "lifespan":
                await lifespan(receive, send)
            case _:
                raise NotFound

    def begin_drain(self) -> asyncio.Task[None] | None:
        """What the server's configuration calls at SIGTERM: the clock of the turns starts there. Over when all is answered."""
        if self._draining is None and (here := worker.installed()):
            self._draining = here.loop.create_task(self._drain(here.begin_drain(settings.COACH_DRAIN_TIMEOUT)))
        return self._draining

    async def _drain(self, turns: asyncio.Task[None]) -> None:
        await asyncio.wait((turns,))
        if self._answering:
            self._answered.clear()
            await self._answered.wait()


application = Application()
