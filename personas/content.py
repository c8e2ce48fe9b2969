"""What a persona says about itself, as one value: checked the same way in the admin, in an import and in the seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from xml.etree import ElementTree  # nosec B405

from problems import Invalid

TONES = ("gentle", "plain", "hard")
LIMITS = {
    "name": 100,
    "description": 300,
    "instructions": 20_000,
    "style": 300,
    "use_case": 300,
    "example": 500,
    "avatar": 20_000,
    "voice": 100,
    "brain": 64,
}
NEEDED = ("name", "description", "instructions")
MOST_STARTERS, STARTER_CHARS = 8, 200
SCRIPT_CHARS = 40_000
DRAWING = frozenset(["svg", "g", "path", "circle", "rect", "ellipse", "line", "polyline", "polygon", "title", "desc"])
_ACCENT = re.compile(r"#[0-9a-fA-F]{6}")
_SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class PersonaContent:
    """The content of one version. `script` has the shape of brains.types.Script, as JSON."""

    name: str
    description: str
    instructions: str
    style: str = ""
    use_case: str = ""
    example: str = ""
    tone: str = "plain"
    starters: tuple[str, ...] = ()
    avatar: str = ""
    accent: str = "#3b6fd4"
    voice: str = ""
    brain: str = ""
    script: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON and for a PersonaVersion's fields."""
        return {**asdict(self), "starters": list(self.starters), "script": dict(self.script)}


NAMES = tuple(each.name for each in fields(PersonaContent))


def content_of(values: Mapping[str, Any]) -> PersonaContent:
    """The checked content of `values`. Raises Invalid, naming every wrong field."""
    wrong: dict[str, list[str]] = {}
    for name in values.keys() - set(NAMES):
        wrong[name] = ["There is no such field."]
    for name, limit in LIMITS.items():
        if sentence := _text(values.get(name, ""), limit, needed=name in NEEDED):
            wrong[name] = [sentence]
    checks = {"tone": _tone, "accent": _accent, "starters": _starters, "script": wrong_script}
    for name, check in checks.items():
        if name in values and (sentence := check(values[name])):
            wrong[name] = [sentence]
    if "avatar" not in wrong and (sentence := _avatar(values.get("avatar", ""))):
        wrong["avatar"] = [sentence]
    if wrong:
        raise Invalid("The persona is not valid; see fields.", fields=wrong)
    return PersonaContent(**{**values, "starters": tuple(values.get("starters", ()))})


def _text(value: object, limit: int, *, needed: bool) -> str:
    if not isinstance(value, str) or "\0" in value:
        return "This must be text."
    if needed and not value.strip():
        return "This must not be empty."
    return f"This may have at most {limit} characters." if len(value) > limit else ""


def _tone(value: object) -> str:
    return "" if value in TONES else f"Choose {', '.join(TONES)}."


def _accent(value: object) -> str:
    return "" if isinstance(value, str) and _ACCENT.fullmatch(value) else "Write a colour as #rrggbb."


def _starters(value: object) -> str:
    if not isinstance(value, list | tuple) or len(value) > MOST_STARTERS:
        return f"This must be a list of at most {MOST_STARTERS} sentences."
    if not all(isinstance(part, str) and len(part.strip()) > 0 and len(part) <= STARTER_CHARS for part in value):
        return f"Each must be a sentence of at most {STARTER_CHARS} characters."
    return ""


def wrong_script(value: object) -> str:
    """What is wrong with a script, as a sentence; empty where nothing is."""
    if not isinstance(value, Mapping) or value.keys() - {"openers", "replies", "closers"}:
        return "This must be an object with openers, replies and closers."
    replies = value.get("replies", {})
    if not isinstance(replies, Mapping) or not all(isinstance(topic, str) for topic in replies):
        return "replies must be an object of lists."
    lists = [value.get("openers", []), value.get("closers", []), *replies.values()]
    if not all(isinstance(part, list | tuple) and all(isinstance(text, str) for text in part) for part in lists):
        return "openers, closers and each topic of replies must be lists of sentences."
    size = sum(len(text) for part in lists for text in part)
    return f"This may have at most {SCRIPT_CHARS} characters." if size > SCRIPT_CHARS else ""


def _avatar(value: str) -> str:
    """An SVG of plain shapes: nothing in it can run, and nothing is loaded from elsewhere."""
    if not value:
        return ""
    if "<!" in value or "<?" in value:
        return "This must be a bare <svg> element."
    try:
        root = ElementTree.fromstring(value)  # noqa: S314  # no DTD, so no entities to expand  # nosec B314
    except ElementTree.ParseError:
        return "This is not well-formed SVG."
    for element in root.iter():
        if element.tag.removeprefix(_SVG) not in DRAWING:
            return f"Only plain shapes are allowed, not {element.tag.removeprefix(_SVG)}."
        for name, text in element.attrib.items():
            if name.lower().startswith("on") or "href" in name.lower() or name.lower() == "style":
                return f"The attribute {name} is not allowed."
            if "url(" in text.lower() or ":" in text:
                return "An attribute must not refer to anything outside."
    return "" if root.tag == f"{_SVG}svg" else "The outermost element must be svg, with its xmlns."
