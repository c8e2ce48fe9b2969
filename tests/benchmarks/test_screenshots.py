"""The screenshots that can be taken are those that there are, and those that the documents show."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from benchmarks.screenshot_views import PICTURES
from benchmarks.screenshots import FOLDER, LARGEST
from benchmarks.stack import ROOT

SHOWN = re.compile(r'(?:\]\(|src=")([\w./-]+\.png)')


def test_each_picture_is_there_and_is_shown() -> None:
    names = {f"{name}.png" for name in PICTURES}
    assert {path.name for path in FOLDER.glob("*.png")} == names
    shown: set[Path] = set()
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        shown |= {(document.parent / each).resolve() for each in SHOWN.findall(document.read_text(encoding="utf-8"))}
    assert {path.name for path in shown if path.parent == FOLDER} == names
    assert [path for path in shown if not path.exists()] == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_and_of_its_devices_size(name: str) -> None:
    content = (FOLDER / f"{name}.png").read_bytes()
    look = PICTURES[name][1]
    assert len(content) <= LARGEST
    assert struct.unpack(">II", content[16:24]) == tuple(side * look.scale for side in look.size)  # PNG 3, 11.2.1: IHDR
