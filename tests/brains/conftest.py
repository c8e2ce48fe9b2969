"""Brains of the settings that ask the stub vendor."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.vendor import Vendor


@pytest.fixture
def routed(settings: Settings, vendor: Vendor) -> None:
    """In the settings: `claude` and `openai` before the stub, `config`, `keyless`; no fallback."""
    keyed = {"api_key": "sk-secret-key"}
    settings.BRAINS = {
        "claude": {
            "BACKEND": "brains.claude.ClaudeBrain",
            "OPTIONS": {"model": "claude-sonnet-5-5", "base_url": vendor.url, **keyed},
        },
        "openai": {
            "BACKEND": "brains.openai.OpenAIBrain",
            "OPTIONS": {"model": "gpt-6-luna", "base_url": vendor.openai_url, **keyed},
        },
        "config": {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {"words_per_second": 0}},
        "keyless": {"BACKEND": "brains.claude.ClaudeBrain", "REQUIRES": {"SOME_KEY": ""}, "OPTIONS": {}},
    }
    settings.COACH_FALLBACK = ()
    settings.COACH_FIRST_TOKEN_TIMEOUT = settings.COACH_IDLE_TIMEOUT = settings.COACH_TURN_TIMEOUT = 20
    settings.COACH_BREAKER_FAILURES, settings.COACH_BREAKER_COOLDOWN = 3, 60
