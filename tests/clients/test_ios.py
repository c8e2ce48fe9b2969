"""clients/ios, as far as it can be looked at without Swift: what it reads and asks for is in the API's description."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.clients.node import WEB

SOURCES = WEB.parent / "ios" / "Sources" / "CoachClient"
API: dict[str, Any] = json.loads((WEB.parent / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS = {
    "Usage": "Usage",
    "Done": "DoneFrame",
    "Failure": "ErrorFrame",
    "Started": "Started",
    "SessionSummary": "ListedSession",
    "SessionPage": "SessionList",
    "Message": "MessageShape",
    "MessagePage": "SessionDetail",
}
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.swift")))
STRUCTS = dict(re.findall(r"^public struct (\w+): Decodable[^{]*\{\n(.*?)^\}", TEXT, re.MULTILINE | re.DOTALL))


def snake(name: str) -> str:
    """What JSONDecoder's convertFromSnakeCase makes `name` of."""
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def test_every_shape_that_it_reads_is_looked_at() -> None:
    assert STRUCTS.keys() == SCHEMAS.keys()


@pytest.mark.parametrize("struct", sorted(SCHEMAS))
def test_its_fields_are_the_servers_and_optional_where_those_may_be_null(struct: str) -> None:
    schema = API["components"]["schemas"][SCHEMAS[struct]]
    fields = re.findall(r"public let (\w+): (\S+)", STRUCTS[struct])
    assert fields
    for name, kind in fields:
        described = schema["properties"][snake(name)]
        null = "null" in described.get("type", "")
        missing = snake(name) not in schema.get("required", [])
        assert kind.endswith("?") == (null or missing), name


def test_its_paths_are_the_servers() -> None:
    paths = {re.sub(r"\\\(\w+\)", "{}", path) for path in re.findall(r'"(chat/[^"]*)"', TEXT)}
    described = {re.sub(r"\{\w+\}", "{}", path).lstrip("/") for path in API["paths"]}
    assert len(paths) >= 8
    assert paths <= described
