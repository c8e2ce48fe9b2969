"""What keeps the house small and its leaves leaves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("coach_project", "memory", "chat", "personas", "identity", "brains", "gauges", "benchmarks")
MOST_LINES, MOST_OF_A_FUNCTION = 320, 45
NO_NAMES = {"utils", "helpers", "common", "services", "misc"}


def modules() -> Iterator[Path]:
    yield ROOT / "problems.py"
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_small_and_named_after_a_noun(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stem not in NO_NAMES
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MOST_OF_A_FUNCTION, node.name


def test_problems_is_a_leaf() -> None:
    tree = ast.parse((ROOT / "problems.py").read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {"__future__", "collections.abc", "typing"}


@pytest.mark.xdist_group("house")
def test_a_group_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells its groups by the ends of tests' names, and says nothing where that does not work any more."""
    grouped = bool(request.config.getoption("loadgroup", default=False))
    assert request.node.nodeid.endswith("@house") is grouped


def test_each_test_that_the_document_on_security_names_is_there() -> None:
    named, missing, folder = 0, [], ""
    for word in re.findall(
        r"tests/[\w/]*(?:\.py)?|\btest_\w+\.py", (ROOT / "docs/security.md").read_text(encoding="utf-8")
    ):
        folder = word.rpartition("/")[0] if word.startswith("tests/") else folder
        named += 1
        if not (ROOT / (word if word.startswith("tests/") else f"{folder}/{word}")).exists():
            missing.append(word)
    assert named > 60
    assert missing == []
