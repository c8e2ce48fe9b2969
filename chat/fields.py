"""What inputs have in common."""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from problems import Invalid

NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"
"""What a text needs one of: no blank by JavaScript's reckoning nor by Python's, which takes these for blanks too."""

METADATA_BYTES = 8192
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
LANGUAGE = "[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}"


class Text(serializers.CharField):
    """A JSON string and nothing that could be made one; trimmed. `form`: its pattern in the OpenAPI description."""

    def __init__(self, *, form: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.form = form or ("" if self.allow_blank else NOT_BLANK)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Metadata(serializers.JSONField):
    """A JSON object of at most 8 KiB."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("This must be an object.")
        if len(json.dumps(data).encode()) > METADATA_BYTES:
            raise serializers.ValidationError(f"This may take at most {METADATA_BYTES} bytes.")
        return super().to_internal_value(data)


class DescribedText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # it registers itself
    """What drf-spectacular can't see of a Text: that blanks alone are refused, and its form."""

    target_class = Text
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", **({"pattern": self.target.form} if self.target.form else {})}


class DescribedMetadata(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """That it is an object."""

    target_class = Metadata

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {}, "description": f"At most {METADATA_BYTES} bytes as JSON."}


def language(value: str) -> None:
    """A tag of BCP 47 by its shape."""
    if not re.fullmatch(LANGUAGE, value):
        raise serializers.ValidationError("Write a language tag, as nb-NO.")


def time_zone(value: str) -> None:
    """A name of the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise serializers.ValidationError("Write a time zone's name, as Europe/Oslo.")


def idempotency_key(headers: Mapping[str, str]) -> str:
    """The request's Idempotency-Key, empty where there is none. Raises Invalid."""
    key = headers.get("Idempotency-Key", "")
    if key and not _KEY.fullmatch(key):
        raise Invalid(fields={"Idempotency-Key": ["Send 1 to 255 printable ASCII characters."]})
    return key


def valid(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """The values of a body. Raises DRF's ValidationError."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def asked(request: Request, name: str) -> str:
    """A parameter of the query, trimmed; empty where there is none. Raises Invalid."""
    value = request.query_params.get(name, "").strip()
    if "\0" in value:
        raise Invalid(fields={name: ["This holds a NUL."]})
    return value


def limit_parameter(usual: int, most: int) -> OpenApiParameter:
    """`limit_of`, described."""
    return OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": usual})


def limit_of(request: Request, usual: int, most: int) -> int:
    """The parameter `limit`: from 1 to `most`. Raises Invalid."""
    value = asked(request, "limit") or str(usual)
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= most and len(value) < 10):
        raise Invalid(fields={"limit": [f"Send a number from 1 to {most}."]})
    return int(value)
