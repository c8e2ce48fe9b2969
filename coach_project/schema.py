"""The OpenAPI description of the gate: what a request shows, and how it is turned away."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.conf import settings

from coach_project.access import needed

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An app's key (coach_…), or a user's token (JWT) of the app's identity provider; none in `open` mode.",
}
LOGIN = {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A login on this server's own page."}
PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
TURNED_AWAY = {
    "401": "unauthenticated",
    "403": "forbidden: another user, or a scope that the key does not have; origin_not_allowed",
    "429": "rate_limited",
    "503": "database_unavailable, identity_unavailable",
}
ANY = {"400": "invalid"}
WITH_BODY = {"413": "too_large", "415": "unsupported_media_type"}
METRICS = {
    "get": {
        "operationId": "metrics",
        "summary": "What the server counts of itself, for Prometheus",
        "tags": ["health"],
        "responses": {"200": {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
    }
}


def with_callers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: the door and the gate, which stand before every path."""
    result.setdefault("components", {})["securitySchemes"] = {"bearer": BEARER, "login": LOGIN}
    result["paths"]["/metrics"] = deepcopy(METRICS)
    for path, operations in result["paths"].items():
        scope = needed(path)
        for operation in operations.values():
            operation["security"] = [] if scope is None else _security()
            told = {**ANY, **(WITH_BODY if "requestBody" in operation else {}), **(TURNED_AWAY if scope else {})}
            for status, said in told.items():
                operation["responses"].setdefault(status, {"description": said, "content": PROBLEM})
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True  # as if it were not there
    return result


def _security() -> list[dict[str, list[str]]]:
    """One of these; in `open` mode nothing, too."""
    shown: list[dict[str, list[str]]] = [{"bearer": []}, {"login": []}]
    return [*shown, {}] if settings.COACH_AUTH == "open" else shown
