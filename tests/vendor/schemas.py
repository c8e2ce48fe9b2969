"""Structured outputs at the stub: the form that a request must have on each wire, and an answer to it.

What one of the vendors refuses is refused on all wires, so that a schema which passes here passes at each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

TYPES: Final = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "description"}
)
"""Bounds such as `maximum` or `maxLength` are not among them: not every vendor takes them."""

EXAMPLES: Final[Mapping[str, object]] = {
    "array": [],
    "string": "word",
    "integer": 0,
    "number": 0.5,
    "boolean": False,
    "null": None,
}

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def schema_in(path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema that a request asks by, or None where it asks for words. Raises ValueError for what a vendor would refuse."""
    form = _form(path, body)
    if form is None:
        return None
    schema = form.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValueError("The schema must be one of an object.")
    for wrong in _wrong(schema, "$"):
        raise ValueError(wrong)
    return schema


def example(schema: Mapping[str, Any]) -> object:
    """A short value that follows a schema."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        return {name: example(inner) for name, inner in schema["properties"].items()}
    return EXAMPLES[kind]


def _form(path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that holds the schema, its keys looked at."""
    if path == "/v1/messages":
        if "output_format" in body:
            raise ValueError("output_format was that of the beta; it is output_config.format.")
        return _keyed((body.get("output_config") or {}).get("format"), "type", "schema")
    if path == "/v1/responses":
        return _strict(_keyed((body.get("text") or {}).get("format"), "type", "name", "schema", "strict"))
    outer = _keyed(body.get("response_format"), "type", "json_schema")
    return outer and _strict(_keyed(outer["json_schema"], "name", "schema", "strict"))


def _keyed(form: Any, *keys: str) -> Mapping[str, Any] | None:
    if form is None:
        return None
    if not isinstance(form, dict) or set(form) != set(keys) or form.get("type", "json_schema") != "json_schema":
        raise ValueError(f"The format must be a json_schema, with {', '.join(keys)}.")
    return form


def _strict(form: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if form is not None and not (form["strict"] is True and _NAME.fullmatch(str(form["name"]))):
        raise ValueError("The format must be strict, with a plain name.")
    return form


def _wrong(schema: Any, where: str) -> Iterator[str]:
    """What is wrong with a schema and those within it, each with its place."""
    if not isinstance(schema, dict):
        yield f"{where} is no schema."
        return
    if strange := sorted(set(schema) - KEYWORDS):
        yield f"{where} has {', '.join(strange)}."
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - TYPES or not (kinds or {"enum", "const", "anyOf"} & set(schema)):
        yield f"{where} has no type that there is."
    if "object" in kinds:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            yield f"{where} must have additionalProperties false."
        if sorted(schema.get("required", [])) != sorted(properties):
            yield f"{where} must require all its properties."
        for name, inner in properties.items():
            yield from _wrong(inner, f"{where}.{name}")
    if "array" in kinds:
        yield from _wrong(schema.get("items"), f"{where}[]")
    for number, inner in enumerate(schema.get("anyOf", [])):
        yield from _wrong(inner, f"{where}|{number}")
