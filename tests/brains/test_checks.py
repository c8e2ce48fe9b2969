"""What the system checks say of the brains."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

GOOD = {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {}}
KEYED = {"BACKEND": "brains.claude.ClaudeBrain", "REQUIRES": {"ANTHROPIC_API_KEY": ""}, "OPTIONS": {}}


@pytest.fixture(autouse=True)
def brains(settings: Settings) -> None:
    settings.BRAINS = {"config": GOOD, "claude": KEYED}
    settings.COACH_BRAIN = "config"
    settings.COACH_FALLBACK = ()


def told() -> list[tuple[str, str]]:
    return [(str(message.id), message.msg) for message in run_checks(tags=["brains"])]


def test_a_key_that_nobody_asks_for_may_be_missing() -> None:
    assert told() == []


@pytest.mark.parametrize(("name", "value"), [("COACH_BRAIN", "claude"), ("COACH_FALLBACK", ("claude",))])
def test_a_brain_in_use_that_lacks_its_key_is_a_warning_that_names_it(
    settings: Settings, name: str, value: object
) -> None:
    setattr(settings, name, value)
    [(kind, words)] = told()
    assert kind == "brains.W001"
    assert "ANTHROPIC_API_KEY" in words


@pytest.mark.parametrize(("name", "value"), [("COACH_BRAIN", "gone"), ("COACH_FALLBACK", ("config", "gone"))])
def test_a_name_that_is_no_brain_is_an_error(settings: Settings, name: str, value: object) -> None:
    setattr(settings, name, value)
    [(kind, words)] = told()
    assert kind == "brains.E002"
    assert "'gone'; there are config, claude" in words


@pytest.mark.parametrize("backend", ["", None, "ScriptedBrain", "brains..scripted", "brains/scripted.py", 3])
def test_a_backend_that_is_no_dotted_path_is_an_error(settings: Settings, backend: object) -> None:
    settings.BRAINS = {"config": GOOD, "odd": {"BACKEND": backend}}
    [(kind, words)] = told()
    assert kind == "brains.E001"
    assert "'odd'" in words
