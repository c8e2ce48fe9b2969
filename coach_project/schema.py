"""The OpenAPI description of the gate: what a request shows, and how it is turned away."""

from __future__ import annotations

from typing import Any

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


def with_callers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook."""
    result.setdefault("components", {})["securitySchemes"] = {"bearer": BEARER, "login": LOGIN}
    for path, operations in result["paths"].items():
        scope = needed(path)
        for operation in operations.values():
            if scope is None:
                operation["security"] = []
                continue
            operation["security"] = [{"bearer": []}, {"login": []}, {}]
            for status, said in TURNED_AWAY.items():
                operation["responses"].setdefault(status, {"description": said, "content": PROBLEM})
    return result
