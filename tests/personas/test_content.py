"""What a persona may say about itself."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.content import content_of
from personas.seed import COACHES
from problems import Invalid

GOOD = {"name": "Rower", "description": "Rows.", "instructions": "You row."}
TOPICS = set(json.loads((COACHES.parent.parent / "brains" / "scripted.json").read_text(encoding="utf-8"))["topics"])
GUIDE = {
    "fitness_coach": (
        "Energetic and motivating fitness coach",
        "Energetic, motivating, fun",
        "LET'S GO! You're crushing it today!",
    ),
    "calm_coach": (
        "Gentle, mindful wellness coach",
        "Gentle, mindful, soothing",
        "Beautiful. Take a deep breath with me.",
    ),
    "drill_sergeant": (
        "Tough, no-nonsense drill sergeant coach",
        "Tough, demanding, intense",
        "MOVE IT! Is that ALL you got?!",
    ),
    "personal_trainer": (
        "Professional, knowledgeable trainer",
        "Professional, educational, results-driven",
        "Great form! Keep that core engaged.",
    ),
}


def coach(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COACHES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", [*GUIDE, "default"])
def test_every_coach_is_complete(name: str) -> None:
    values = coach(name)
    assert values.pop("id") == name
    values.pop("position")
    content = content_of(values)
    assert len(content.instructions.split()) > 250
    assert len(content.starters) >= 3
    assert content.avatar
    assert content.voice
    assert set(content.script["replies"]) == {*TOPICS, "other"}
    assert min(len(bodies) for bodies in content.script["replies"].values()) >= 2
    assert all("{about}" in body for body in content.script["replies"]["other"])
    assert 1.05 / (luminance(content.accent) + 0.05) >= 4.5


@pytest.mark.parametrize("name", GUIDE)
def test_the_four_coaches_are_the_guides(name: str) -> None:
    values = coach(name)
    assert (values["description"], values["style"], values["example"]) == GUIDE[name]


def test_the_tones_differ() -> None:
    assert [coach(name)["tone"] for name in GUIDE] == ["plain", "gentle", "hard", "plain"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", 5),
        ("instructions", " "),
        ("instructions", "x" * 20_001),
        ("description", "a\0b"),
        ("tone", "cruel"),
        ("accent", "red"),
        ("accent", "#12345"),
        ("starters", "one"),
        ("starters", [""]),
        ("starters", ["x"] * 9),
        ("script", []),
        ("script", {"other": []}),
        ("script", {"replies": []}),
        ("script", {"openers": "one"}),
        ("script", {"replies": {"other": [5]}}),
        ("colour", "blue"),
        ("avatar", "<svg"),
        ("avatar", "<p/>"),
        ("avatar", '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
        ("avatar", '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>'),
        ("avatar", '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>'),
        ("avatar", '<svg xmlns="http://www.w3.org/2000/svg"><path fill="url(http://x/)"/></svg>'),
        (
            "avatar",
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:a="http://www.w3.org/1999/xlink"><g a:href="#x"/></svg>',
        ),
        ("avatar", '<!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>'),
    ],
)
def test_what_is_wrong_is_named(name: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        content_of({**GOOD, name: value})
    assert list(caught.value.fields) == [name]


@given(
    st.dictionaries(
        st.sampled_from(["name", "script", "avatar", "starters", "accent", "tone"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=20),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_anything_is_taken_or_refused_by_name(values: dict[str, Any]) -> None:
    wrong: set[str] = set()
    try:
        content_of({**GOOD, **values})
    except Invalid as problem:
        wrong = set(problem.fields)
    assert wrong <= set(values)


@given(st.text(alphabet="<>/svgpathonld=\"' :#u(", max_size=60))
def test_no_drawing_can_do_anything(inside: str) -> None:
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    try:
        content_of({**GOOD, "avatar": drawing})
    except Invalid:
        return
    for element in ElementTree.fromstring(drawing).iter():  # noqa: S314 — without a DTD
        assert not [name for name in element.attrib if name.lower().startswith("on") or "href" in name.lower()]
