"""The stream room's views: async, on the turns' own pool, without a thread. Errors are raised; asgi renders them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from rest_framework import serializers

from brains import health
from chat import sse, worker
from chat.bodies import parse_object
from chat.events import Done, Failed
from chat.fields import Text, idempotency_key
from chat.ids import inside, outside
from chat.openings import Send
from chat.turns import AnyTurn
from problems import MethodNotAllowed

MESSAGE_CHARS = 32_000


class SendSerializer(serializers.Serializer[None]):
    """The body of /chat/stream and /chat/message."""

    session_id = Text(max_length=200)
    message = Text(max_length=MESSAGE_CHARS)


def _send(request: HttpRequest) -> Send:
    """The validated request. Raises Invalid."""
    body = parse_object(request.body)
    serializer = SendSerializer(data=body)
    if not serializer.is_valid():
        raise serializers.ValidationError(serializer.errors)
    values = serializer.validated_data
    key = idempotency_key(request.headers)
    digest = hashlib.sha256(f"{values['session_id']}\0{values['message']}".encode()).hexdigest() if key else ""
    return Send(inside("session", values["session_id"]), values["message"], key, digest)


def _only(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(methods)


async def stream(request: HttpRequest) -> HttpResponseBase:
    """POST /chat/stream"""
    _only(request, "POST")
    return _event_stream(await worker.current().turns.open(_send(request)))


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
    }


def _event_stream(turn: AnyTurn) -> StreamingHttpResponse:
    body: AsyncIterator[bytes] = sse.encode(turn.follow())
    response = StreamingHttpResponse(body, content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    response["X-Session-Id"] = outside("session", turn.session)
    response["X-Turn-Id"] = outside("turn", turn.id)
    return response


async def brain_health(request: HttpRequest) -> HttpResponseBase:
    """GET /brain/health"""
    _only(request, "GET", "HEAD")
    report = await health.report(await worker.current().active_brain())
    return JsonResponse(report.as_dict(), status=200 if report.healthy else 503)
