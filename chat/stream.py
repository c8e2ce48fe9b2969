"""The stream room's views: async, on the turns' own pool, without a thread. Errors are raised; asgi renders them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.fields import empty

from brains import health
from chat import outlet, sse, worker
from chat.bodies import parse_object
from chat.events import Done, Failed
from chat.fields import Text, idempotency_key
from chat.ids import inside, outside
from chat.openings import Edit, Regenerate, Send
from chat.turns import AnyTurn
from identity.callers import caller_of
from problems import MethodNotAllowed, NotFound

MESSAGE_CHARS = 32_000


# DRF's fields by themselves: a serializer is copied anew for each request, which took a tenth of a turn's CPU.
SESSION_ID = Text(max_length=200)
MESSAGE = Text(max_length=MESSAGE_CHARS)


def _valid(request: HttpRequest, **fields: Text) -> dict[str, str]:
    """The body's fields. Raises Invalid, ValidationError."""
    body = parse_object(request.body)
    values: dict[str, str] = {}
    wrong: dict[str, Any] = {}
    for name, field in fields.items():
        try:
            values[name] = field.run_validation(body.get(name, empty))
        except serializers.ValidationError as error:
            wrong[name] = error.detail
    if wrong:
        raise serializers.ValidationError(wrong)
    return values


def _keyed(request: HttpRequest, *parts: str) -> tuple[str, str]:
    """The idempotency key, and a digest that tells this request from others with the same key."""
    key = idempotency_key(request.headers)
    return key, hashlib.sha256("\0".join(parts).encode()).hexdigest() if key else ""


def _send(request: HttpRequest) -> Send:
    values = _valid(request, session_id=SESSION_ID, message=MESSAGE)
    key, digest = _keyed(request, values["session_id"], values["message"])
    return Send(inside("session", values["session_id"]), values["message"], key, digest, caller_of(request))


def _only(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(methods)


async def _own(request: HttpRequest, turn_id: str) -> UUID:
    """The caller's turn of that id. Raises NotFound, DatabaseUnavailable."""
    turn, caller = inside("turn", turn_id), caller_of(request)
    if not caller.open and not await worker.current().turns.store.owns(turn, caller):
        raise NotFound("There is no such turn.")
    return turn


async def stream(request: HttpRequest) -> HttpResponseBase:
    """POST /chat/stream"""
    _only(request, "POST")
    return _event_stream(await worker.current().turns.open(_send(request)))


async def regenerate(request: HttpRequest, message_id: str) -> HttpResponseBase:
    """POST /chat/messages/<id>/regenerate"""
    _only(request, "POST")
    key, digest = _keyed(request, "regenerate", message_id)
    asked = Regenerate(inside("msg", message_id), key, digest, caller_of(request))
    return _event_stream(await worker.current().turns.open(asked))


async def edit(request: HttpRequest, message_id: str) -> HttpResponseBase:
    """POST /chat/messages/<id>/edit"""
    _only(request, "POST")
    text = _valid(request, message=MESSAGE)["message"]
    key, digest = _keyed(request, "edit", message_id, text)
    asked = Edit(inside("msg", message_id), text, key, digest, caller_of(request))
    return _event_stream(await worker.current().turns.open(asked))


async def join(request: HttpRequest, turn_id: str) -> HttpResponseBase:
    """GET /chat/turns/<id>/stream"""
    _only(request, "GET")
    return _event_stream(await worker.current().turns.find(await _own(request, turn_id)), snapshot=True)


async def stop(request: HttpRequest, turn_id: str) -> HttpResponseBase:
    """POST /chat/turns/<id>/stop"""
    _only(request, "POST")
    status = await worker.current().turns.stop(await _own(request, turn_id))
    return JsonResponse({"turn_id": turn_id, "status": status}, status=202)


async def message(request: HttpRequest) -> HttpResponseBase:
    """POST /chat/message"""
    _only(request, "POST")
    turn = await worker.current().turns.open(_send(request))
    ended = await turn.finished()
    if isinstance(ended, Failed):
        ended.problem.extra |= {"turn_id": outside("turn", turn.id)}
        raise ended.problem
    return JsonResponse(_reply(turn, ended))


def _reply(turn: AnyTurn, done: Done) -> dict[str, object]:
    return {
        "message": turn.text,
        "session_id": outside("session", turn.session),
        "persona": turn.persona,
        "message_id": done.message and outside("msg", done.message),
        "turn_id": outside("turn", turn.id),
        "status": done.status,
        "brain": done.brain,
        "usage": sse.usage_fields(done.usage),
        **({"safety": done.safety} if done.safety else {}),
    }


class EventStream(StreamingHttpResponse):
    """A turn's text and end as an event stream. Who has ASGI's `send` at hand gives `turn` to an Outlet, without detours."""

    def __init__(self, turn: AnyTurn, *, snapshot: bool) -> None:
        super().__init__(outlet.parts(turn, snapshot=snapshot), content_type="text/event-stream; charset=utf-8")
        self.turn = turn
        self.snapshot = snapshot
        self["Cache-Control"] = "no-cache, no-transform"
        self["X-Accel-Buffering"] = "no"
        self["X-Session-Id"] = outside("session", turn.session)
        self["X-Turn-Id"] = outside("turn", turn.id)


def _event_stream(turn: AnyTurn, *, snapshot: bool = False) -> EventStream:
    """The turn from its start. Raises ServerBusy where it has too many followers."""
    turn.expect_follower()
    return EventStream(turn, snapshot=snapshot)


async def brain_health(request: HttpRequest) -> HttpResponseBase:
    """GET /brain/health"""
    _only(request, "GET", "HEAD")
    here = worker.current()
    report = await health.report(await here.active_brain(), here.breakers())
    return JsonResponse(report.as_dict(), status=200 if report.healthy else 503)
