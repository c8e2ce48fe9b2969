"""The OpenAPI description of what serializers can't say: which fields of a body go together."""

from __future__ import annotations

from typing import Any

ONE_OF_BOTH = [
    {"required": ["topic"], "properties": {"all": {"const": False}}},
    {"required": ["all"], "properties": {"all": {"const": True}}, "not": {"required": ["topic"]}},
]
CHANGES = ("kind", "slot", "text", "valid_from", "pinned")
NEEDED = (("post", "/memory/forget"), ("patch", "/memory/consent"), ("patch", "/memory/{fact_id}"))
"""What does nothing without a body."""


def with_choices(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook."""
    schemas = result["components"]["schemas"]
    schemas["Forget"]["oneOf"] = ONE_OF_BOTH
    schemas["PatchedFactChange"]["anyOf"] = [{"required": [name]} for name in CHANGES]
    schemas["PatchedConsent"]["required"] = ["health"]
    for method, path in NEEDED:
        result["paths"][path][method]["requestBody"]["required"] = True
    return result
