"""The OpenAPI description of the async views, by hand: DRF does not see them."""

from __future__ import annotations

from typing import Any

from chat.fields import NOT_BLANK

PROBLEM = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, **PROBLEM}


SEND: dict[str, Any] = {
    "type": "object",
    "required": ["session_id", "message"],
    "properties": {
        "session_id": {"type": "string", "maxLength": 200, "pattern": NOT_BLANK, "example": "session_0198c0ffee"},
        "message": {"type": "string", "maxLength": 32000, "pattern": NOT_BLANK},
    },
}
USAGE = {
    "type": "object",
    "properties": {
        "input_tokens": {"type": ["integer", "null"]},
        "output_tokens": {"type": ["integer", "null"]},
    },
}
REPLY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "session_id": {"type": "string"},
        "persona": {"type": "string"},
        "message_id": {"type": ["string", "null"]},
        "turn_id": {"type": "string"},
        "status": {"type": "string", "enum": ["complete", "truncated", "refused", "stopped"]},
        "brain": {"type": "string"},
        "usage": USAGE,
    },
}
EDIT = {"type": "object", "required": ["message"], "properties": {"message": SEND["properties"]["message"]}}
STOPPED = {
    "type": "object",
    "required": ["turn_id", "status"],
    "properties": {"turn_id": {"type": "string"}, "status": {"type": "string"}},
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 printable characters: the same key and body give the same turn again.",
    "schema": {"type": "string", "pattern": "^[ -~]{0,255}$"},
}
REFUSALS = {
    "400": _problem("invalid"),
    "403": _problem("origin_not_allowed"),
    "404": _problem("not_found"),
    "409": _problem("turn_in_progress (with turn_id), persona_unavailable"),
    "413": _problem("too_large"),
    "415": _problem("unsupported_media_type"),
    "422": _problem("idempotency_mismatch"),
    "429": _problem("too_many_turns, rate_limited, budget_exceeded"),
    "503": _problem("database_unavailable, server_busy, server_stopping"),
}


def _frame(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _with_safety(shape: dict[str, Any]) -> dict[str, Any]:
    rule = {"type": "string", "description": "Only there where a rule of safety gave the fixed answer: its id."}
    return {**shape, "properties": {**shape["properties"], "safety": rule}}


TEXT: dict[str, Any] = {"type": "string"}
IDS = {"message_id": {"type": ["string", "null"]}, "user_message_id": TEXT, "turn_id": TEXT}
FRAMES = {
    "TokenFrame": _frame(token={"type": "string", "minLength": 1}),
    "SnapshotFrame": _frame(snapshot=TEXT),
    "DoneFrame": _with_safety(
        _frame(
            done={"type": "boolean", "const": True},
            **IDS,
            status=REPLY["properties"]["status"],
            brain=TEXT,
            fallback={"type": "boolean"},
            usage={"$ref": "#/components/schemas/Usage"},
        )
    ),
    "ErrorFrame": _frame(error=TEXT, message=TEXT, retryable={"type": "boolean"}, **IDS),
    "Frame": {
        "oneOf": [
            {"$ref": f"#/components/schemas/{name}"}
            for name in ("TokenFrame", "SnapshotFrame", "DoneFrame", "ErrorFrame")
        ]
    },
}
# OpenAPI 3.1 has no word for a stream's events; as tools do, the schema of one event stands for each (3.2: itemSchema).
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Frame"},
        }
    },
}
STREAM_TEXT = """Send a message and read the reply as it is said.

The body is a series of frames, each one line `data: ` + one JSON object in ASCII, then an empty line; lines that begin
with a colon are comments. Who joins a turn gets `{"snapshot": "…"}` first. `{"token": "…"}` comes any number of times, then
exactly one of `{"done": true, "message_id", "user_message_id", "turn_id", "status", "brain", "fallback", "usage"}`, sent after
the reply is stored (with `"safety": "<rule>"` where a rule of safety gave the fixed answer), and
`{"error": "<code>", "message", "retryable", "message_id", "user_message_id", "turn_id"}`."""


def _post(
    operation: str,
    summary: str,
    answer: dict[str, Any],
    more: dict[str, Any],
    body: dict[str, Any] | None = SEND,
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation,
        "summary": summary,
        "tags": ["chat"],
        "parameters": [*parameters, KEY],
        "responses": {"200": answer, **REFUSALS, **more},
    }
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return {"post": described}


def _named(name: str) -> dict[str, Any]:
    """A parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _turns(stream: dict[str, Any]) -> dict[str, Any]:
    """The paths of a turn that runs already."""
    turn = [_named("turn_id")]
    missing = {"404": _problem("not_found"), "503": _problem("database_unavailable, server_busy")}
    stopped = {
        "description": "It ends within a second, if it ran.",
        "content": {"application/json": {"schema": STOPPED}},
    }
    join = {"operationId": "chat_turn_stream", "summary": "Join a turn, or come back to it", "tags": ["chat"]}
    stop = {"operationId": "chat_turn_stop", "summary": "Stop a turn; what was said stays", "tags": ["chat"]}
    return {
        "/chat/turns/{turn_id}/stream": {"get": {**join, "parameters": turn, "responses": {"200": stream, **missing}}},
        "/chat/turns/{turn_id}/stop": {"post": {**stop, "parameters": turn, "responses": {"202": stopped, **missing}}},
    }


def _get(operation: str, summary: str, tag: str, unwell: str) -> dict[str, Any]:
    well = {"description": "Well.", "content": {"application/json": {"schema": {"type": "object"}}}}
    responses = {"200": well, **({"503": _problem(unwell)} if unwell else {})}
    return {"get": {"operationId": operation, "summary": summary, "tags": [tag], "responses": responses}}


def with_async_views(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook."""
    stream = {
        "description": STREAM_TEXT,
        "headers": {name: {"schema": {"type": "string"}} for name in ("X-Session-Id", "X-Turn-Id")},
        "content": {"text/event-stream": {"schema": EVENT}},
    }
    whole = {"description": "The whole reply.", "content": {"application/json": {"schema": REPLY}}}
    trouble = {
        "502": _problem(
            "provider_error, provider_interrupted, provider_config, provider_quota, context_too_long, empty_reply"
        ),
        "503": _problem("provider_busy, not_saved, database_unavailable, server_busy, server_stopping"),
        "504": _problem("provider_timeout"),
    }
    result["paths"] |= {
        "/chat/stream": _post("chat_stream", "Talk, and read the reply as it is said", stream, {}),
        "/chat/message": _post("chat_message", "Talk, and get the reply as a whole", whole, trouble),
        **_turns(stream),
        "/chat/messages/{message_id}/regenerate": _post(
            "chat_message_regenerate", "Another reply to the same message", stream, {}, None, (_named("message_id"),)
        ),
        "/chat/messages/{message_id}/edit": _post(
            "chat_message_edit", "Another message in its place, and a reply", stream, {}, EDIT, (_named("message_id"),)
        ),
        "/brain/health": _get("brain_health", "How the brains are", "brain", "The active brain is not healthy."),
        "/health/live": _get("health_live", "Whether the process lives", "health", ""),
        "/health/ready": _get("health_ready", "Whether the next turn can be served", "health", "Not ready."),
    }
    result["paths"] = dict(sorted(result["paths"].items()))
    result["components"]["schemas"] |= FRAMES
    return result
