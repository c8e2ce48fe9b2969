"""The OpenAPI description of the async views, by hand: DRF does not see them."""

from __future__ import annotations

from typing import Any

PROBLEM = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, **PROBLEM}


SEND = {
    "type": "object",
    "required": ["session_id", "message"],
    "properties": {
        "session_id": {"type": "string", "example": "session_0198c0ffee"},
        "message": {"type": "string", "minLength": 1, "maxLength": 32000},
    },
}
USAGE = {
    "type": "object",
    "properties": {
        "input_tokens": {"type": ["integer", "null"]},
        "output_tokens": {"type": ["integer", "null"]},
    },
}
REPLY = {
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
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 printable characters: the same key and body give the same turn again.",
    "schema": {"type": "string", "maxLength": 255},
}
REFUSALS = {
    "400": _problem("invalid"),
    "403": _problem("origin_not_allowed"),
    "404": _problem("not_found"),
    "409": _problem("turn_in_progress (with turn_id), persona_unavailable"),
    "413": _problem("too_large"),
    "415": _problem("unsupported_media_type"),
    "422": _problem("idempotency_mismatch"),
    "503": _problem("database_unavailable, server_busy, server_stopping"),
}
STREAM_TEXT = """Send a message and read the reply as it is said.

The body is a series of frames, each one line `data: ` + one JSON object in ASCII, then an empty line; lines that begin
with a colon are comments. `{"token": "…"}` comes any number of times, then exactly one of
`{"done": true, "message_id", "user_message_id", "turn_id", "status", "brain", "fallback", "usage"}`, sent after the reply
is stored, and `{"error": "<code>", "message", "retryable", "message_id", "user_message_id", "turn_id"}`."""


def _post(operation: str, summary: str, answer: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation,
            "summary": summary,
            "tags": ["chat"],
            "parameters": [KEY],
            "requestBody": {"required": True, "content": {"application/json": {"schema": SEND}}},
            "responses": {"200": answer, **REFUSALS, **more},
        }
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
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
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
        "/brain/health": _get("brain_health", "How the brains are", "brain", "The active brain is not healthy."),
        "/health/live": _get("health_live", "Whether the process lives", "health", ""),
        "/health/ready": _get("health_ready", "Whether the next turn can be served", "health", "Not ready."),
    }
    result["paths"] = dict(sorted(result["paths"].items()))
    return result
