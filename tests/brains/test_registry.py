"""The brains of the settings, and the one instance of each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from pytest_django import Settings

from brains import registry
from brains.errors import BrainMisconfigured
from brains.types import Brain, BrainEvent, Prompt, Stop, TextDelta
from tests.brains.thinking import run

HERE = f"{__name__}.Echo"


class Echo:
    """A brain of another house: one file and one settings entry."""

    built: list[Echo] = []

    def __init__(self, alias: str, options: Mapping[str, object]) -> None:
        if options.get("broken"):
            raise BrainMisconfigured("It is broken.")
        self.alias = alias
        self.model = str(options.get("model", ""))
        self.thread = threading.current_thread()
        self.closed = False
        Echo.built.append(self)

    async def think(self, prompt: Prompt) -> AsyncGenerator[BrainEvent, None]:
        yield TextDelta(prompt.lines[-1].text)
        yield Stop("complete")

    async def probe(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def deprecation(self) -> str | None:
        return None


@pytest.fixture(autouse=True)
def echoes(settings: Settings) -> list[Echo]:
    """The settings have three brains."""
    Echo.built = []
    options = {"model": "echo-1", "context_tokens": 1234}
    settings.BRAINS = {
        "echo": {"BACKEND": HERE, "SCHEMA": True, "REQUIRES": {"ECHO_KEY": "given"}, "OPTIONS": options},
        "keyless": {"BACKEND": HERE, "REQUIRES": {"A_KEY": "", "B_KEY": "", "C_KEY": "given"}, "OPTIONS": {}},
        "broken": {"BACKEND": HERE, "REQUIRES": {}, "OPTIONS": {"broken": True}},
        "nowhere": {"BACKEND": "brains.nowhere.Brain", "REQUIRES": {}, "OPTIONS": {}},
    }
    settings.COACH_FALLBACK = ("keyless", "echo", "keyless")
    return Echo.built


def test_what_the_settings_say_is_told_without_building_anything(echoes: list[Echo]) -> None:
    assert registry.aliases() == ("echo", "keyless", "broken", "nowhere")
    assert registry.missing("keyless") == ("A_KEY", "B_KEY")
    assert registry.missing("echo") == ()
    assert (registry.kind("echo"), registry.model("echo")) == ("test_registry", "echo-1")
    assert registry.model("keyless") == "test_registry"
    assert (registry.context_tokens("echo"), registry.context_tokens("keyless")) == (1234, registry.CONTEXT_TOKENS)
    assert [registry.follows_schema(alias) for alias in ("echo", "keyless", "gone")] == [True, False, False]
    assert not echoes


def test_a_chain_has_each_brain_once() -> None:
    assert registry.chain("echo") == ("echo", "keyless")
    assert registry.chain("broken") == ("broken", "keyless", "echo")


def test_a_brain_is_built_once_however_many_ask_and_not_on_the_loops_thread(echoes: list[Echo]) -> None:
    async def main() -> list[Brain]:
        return await asyncio.gather(*(registry.get("echo") for _ in range(10)))

    assert {id(brain) for brain in run(main())} == {id(echoes[0])}
    assert len(echoes) == 1
    assert echoes[0].thread is not threading.current_thread()
    assert echoes[0].closed


def test_each_event_loop_has_its_own(echoes: list[Echo]) -> None:
    run(registry.warm("echo"))
    run(registry.warm("echo"))
    assert len(echoes) == 2


def test_a_changed_entry_is_built_anew(echoes: list[Echo], settings: Settings) -> None:
    async def main() -> None:
        await registry.warm("echo")
        settings.BRAINS = {"echo": {"BACKEND": HERE, "OPTIONS": {"model": "echo-2"}}}
        assert (await registry.get("echo")).model == "echo-2"

    run(main())


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ("keyless", "A_KEY and B_KEY"),
        ("broken", "It is broken"),
        ("nowhere", "BACKEND"),
        ("gone", "no brain 'gone'; they have echo, keyless"),
    ],
)
def test_a_brain_that_cannot_be_built_says_why_each_time(alias: str, words: str) -> None:
    async def main() -> None:
        for _ in range(2):
            with pytest.raises(BrainMisconfigured, match=words):
                await registry.get(alias)

    run(main())


def test_no_sdk_is_imported_to_start_django_or_to_check_the_settings() -> None:
    program = """
import django, sys
django.setup()
from django.core.management import call_command
call_command("check")
from brains import registry, switching, health, router
registry.aliases(), registry.missing("claude"), registry.model("openai")
print([name for name in ("anthropic", "openai", "aiohttp", "httpx2") if name in sys.modules])
"""
    done: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
