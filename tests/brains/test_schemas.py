"""Answers by a schema: what each vendor is asked, and that nothing else of a request changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from brains import registry
from brains.errors import BrainInterrupted, BrainMisconfigured
from brains.types import Prompt
from tests.brains.thinking import EVERY, KEYED, Build, chat, claude, prompt, responses, said_by
from tests.vendor import Vendor

keyed = pytest.mark.parametrize("build", KEYED.values(), ids=KEYED)

SCHEMA: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["mood", "steps", "since"],
    "properties": {
        "mood": {"type": "string", "enum": ["good", "bad"]},
        "steps": {"type": "array", "items": {"type": "integer"}},
        "since": {"type": ["string", "null"], "description": "A date."},
    },
}
ANSWER = {"mood": "bad", "steps": [1, 22, 333], "since": "blåbær “2026”\n🫐"}
STRICT = {"name": "reply", "schema": SCHEMA, "strict": True}


def by(schema: Mapping[str, object] | None) -> Prompt:
    return replace(prompt("one", "two", "three", system=("Persona.", "Facts.")), schema=schema)


def asked(build: Build, vendor: Vendor, schema: Mapping[str, object] | None, **options: object) -> dict[str, Any]:
    """The body of a request."""
    assert said_by(build(vendor, **options), by(schema)).stop == "complete"
    body: dict[str, Any] = vendor.turns[-1].body
    return body


@pytest.mark.parametrize(("alias", "name"), [("claude", "claude"), ("openai", "responses"), ("config", "scripted")])
def test_the_settings_tell_which_brains_answer_by_a_schema(vendor: Vendor, alias: str, name: str) -> None:
    heard = said_by(EVERY[name](vendor), by(SCHEMA))
    assert registry.follows_schema(alias) is (heard.error is None)
    assert alias in settings.BRAINS


@keyed
def test_a_brain_answers_with_json_that_is_streamed_as_text(build: Build, vendor: Vendor) -> None:
    sent = vendor.next(answer=ANSWER, odd=frozenset({"thinking"}), pace=0.005)
    heard = said_by(build(vendor), by(SCHEMA))
    assert (heard.stop, heard.kinds) == ("complete", ["TextDelta", "Usage", "Stop"])
    assert len(heard.deltas) > 3
    assert heard.text == sent.text
    assert json.loads(heard.text) == ANSWER


@keyed
def test_the_stub_itself_answers_by_any_schema(build: Build, vendor: Vendor) -> None:
    jsonschema.validate(json.loads(said_by(build(vendor), by(SCHEMA)).text), SCHEMA)


@pytest.mark.parametrize(
    ("build", "options", "key", "asked_for"),
    [
        (claude, {}, "output_config", {"effort": "medium", "format": {"type": "json_schema", "schema": SCHEMA}}),
        (claude, {"effort": "default"}, "output_config", {"format": {"type": "json_schema", "schema": SCHEMA}}),
        (responses, {}, "text", {"format": {"type": "json_schema", **STRICT}}),
        (chat, {}, "response_format", {"type": "json_schema", "json_schema": STRICT}),
        (chat, {"model": "llama-9-chat"}, "response_format", {"type": "json_schema", "json_schema": STRICT}),
    ],
    ids=["claude", "claude without effort", "responses", "chat", "compatible"],
)
def test_a_schema_changes_one_key_of_the_request_and_nothing_else(
    build: Build, vendor: Vendor, options: dict[str, object], key: str, asked_for: object
) -> None:
    plain = asked(build, vendor, None, **options)
    assert "json_schema" not in json.dumps(plain)
    formed = asked(build, vendor, SCHEMA, **options)
    assert formed.pop(key) == asked_for
    plain.pop(key, None)
    assert json.dumps(formed) == json.dumps(plain)


@keyed
def test_an_answer_that_breaks_off_is_an_interruption_like_any_other(build: Build, vendor: Vendor) -> None:
    vendor.next(answer=ANSWER, drop=2)
    heard = said_by(build(vendor), by(SCHEMA))
    assert type(heard.error) is BrainInterrupted
    assert not heard.stops


@keyed
@pytest.mark.parametrize("stop", ["truncated", "refused"])
def test_how_an_answer_ended_is_told_as_of_any_reply(build: Build, vendor: Vendor, stop: Any) -> None:
    vendor.next(answer=ANSWER, stop=stop)
    assert said_by(build(vendor), by(SCHEMA)).stop == stop


@keyed
@pytest.mark.parametrize(
    "wrong",
    [
        {**SCHEMA, "additionalProperties": True},
        {**SCHEMA, "required": ["mood"]},
        {**SCHEMA, "properties": {**SCHEMA["properties"], "since": {"type": "string", "maxLength": 9}}},  # type: ignore[dict-item]
        {"type": "array", "items": {"type": "string"}},
    ],
    ids=["open", "optional", "bounded", "no object"],
)
def test_a_schema_that_a_vendor_refuses_is_a_misconfiguration(
    build: Build, vendor: Vendor, wrong: dict[str, object]
) -> None:
    assert type(said_by(build(vendor), by(wrong)).error) is BrainMisconfigured
