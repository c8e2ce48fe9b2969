"""What tests of brains share: prompts, brains before the stub vendor, and hearing one out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from brains import registry
from brains.claude import ClaudeBrain
from brains.errors import BrainError
from brains.openai import OpenAIBrain
from brains.retries import Retries
from brains.router import Router
from brains.scripted import ScriptedBrain
from brains.types import Answering, Brain, BrainEvent, Line, Prompt, Stop, TextDelta, Usage
from tests.vendor import Vendor

T = TypeVar("T")
Build: TypeAlias = Callable[..., Brain]

AT_ONCE = Retries(pauses=((0, 0), (0, 0)))
"""Two retries, without a pause."""


def prompt(*texts: str, system: tuple[str, ...] = ("You are a coach.",)) -> Prompt:
    """Lines that alternate, the user first; one if none is given."""
    lines = tuple(Line("assistant" if number % 2 else "user", text) for number, text in enumerate(texts or ("Hello",)))
    return Prompt(system, lines)


@dataclass(slots=True)
class Heard:
    """What a brain or the router said, to its end."""

    deltas: list[str] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    answering: list[Answering] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)  # deltas in a row count once: how they are cut is no promise
    error: BrainError | None = None

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    def take(self, event: Answering | BrainEvent) -> None:
        if type(event) is not TextDelta or self.kinds[-1:] != ["TextDelta"]:
            self.kinds.append(type(event).__name__)
        match event:
            case TextDelta(text):
                self.deltas.append(text)
            case Usage():
                self.usages.append(event)
            case Stop(reason):
                self.stops.append(reason)
            case Answering():
                self.answering.append(event)

    @property
    def stop(self) -> str:
        assert self.error is None, repr(self.error)
        assert len(self.stops) == 1
        return self.stops[0]


async def hear(events: AsyncIterator[BrainEvent]) -> Heard:
    heard = Heard()
    try:
        async for event in events:
            heard.take(event)
    except BrainError as error:
        heard.error = error
    return heard


async def hear_turn(router: Router, alias: str = "claude") -> Heard:
    heard = Heard()
    try:
        await router.think(alias, prompt(), heard.take)
    except BrainError as error:
        heard.error = error
    return heard


def run(awaitable: Awaitable[T]) -> T:
    """In an event loop of its own; the brains that the registry built in it are closed."""

    async def main() -> T:
        try:
            return await awaitable
        finally:
            await registry.close()

    return asyncio.run(main())


def turn(router: Router | None = None, alias: str = "claude") -> Heard:
    """One turn of a router, which asks again at once if none is given."""
    return run(hear_turn(router or Router(retries=AT_ONCE), alias))


def said_by(brain: Brain, asked: Prompt | None = None) -> Heard:
    """One turn of a brain, which is closed then."""

    async def main() -> Heard:
        try:
            return await hear(brain.think(asked or prompt()))
        finally:
            await brain.close()

    return asyncio.run(main())


def _options(given: Mapping[str, object], **default: object) -> dict[str, object]:
    return {**default, "api_key": "sk-secret-key", "output_tokens": 100, **given}


def claude(vendor: Vendor, **given: object) -> Brain:
    return ClaudeBrain("claude", _options(given, model="claude-sonnet-5-5", base_url=vendor.url))


def responses(vendor: Vendor, **given: object) -> Brain:
    return OpenAIBrain("openai", _options(given, model="gpt-6-luna", base_url=vendor.openai_url))


def chat(vendor: Vendor, **given: object) -> Brain:
    return OpenAIBrain("openai", _options(given, model="gpt-6-luna", base_url=vendor.openai_url, api="chat"))


def scripted(vendor: Vendor, **given: object) -> Brain:
    return ScriptedBrain("config", {"words_per_second": 0, **given})


KEYED: dict[str, Build] = {"claude": claude, "responses": responses, "chat": chat}
EVERY: dict[str, Build] = {**KEYED, "scripted": scripted}
