"""A rehearsal: talking to a persona's unsaved words, in the admin. Nothing of it is stored; its tokens cost what they cost."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from brains import prices, registry, router, switching
from brains.errors import where
from brains.types import Answering, BrainEvent, Line, Prompt, Stop, TextDelta, Usage
from personas.content import LIMITS, wrong_script
from personas.instructions import script_of, system_blocks
from problems import Internal, Invalid, Problem

logger = logging.getLogger(__name__)

MESSAGE_CHARS = 32_000
MOST_LINES = 200
ENOUGH = 262_144
"""Characters of one reply."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is asked of which brain."""

    alias: str
    prompt: Prompt


def asked(values: Mapping[str, str]) -> Rehearsal:
    """From a form: `instructions`, `script` (JSON), `language`, `brain` (an alias; empty: the active one), `message`, and
    `history` (JSON: a list of [role, text], user and assistant in turns). Raises Invalid, naming every wrong field.
    """
    wrong: dict[str, list[str]] = {}

    def text(name: str, most: int, *, needed: bool = False) -> str:
        value = values.get(name, "")
        if "\0" in value or len(value) > most or (needed and not value.strip()):
            wrong[name] = [f"This must be text of at most {most:,} characters."]
        return value

    instructions = text("instructions", LIMITS["instructions"], needed=True)
    message = text("message", MESSAGE_CHARS, needed=True)
    language = text("language", 35)
    script = _parsed(values.get("script", ""), {})
    if sentence := wrong_script(script):
        wrong["script"] = [sentence]
    lines = _lines(_parsed(values.get("history", ""), []))
    if lines is None:
        wrong["history"] = [f"This must be at most {MOST_LINES} lines of user and assistant, in turns."]
    alias = values.get("brain", "") or switching.active()
    if alias not in registry.aliases():
        wrong["brain"] = [f"There is no such brain; there are {', '.join(registry.aliases())}."]
    if wrong or lines is None:
        raise Invalid("The test can't begin; see fields.", fields=wrong)
    prompt = Prompt(
        system=system_blocks(instructions, language),
        lines=(*lines, Line("user", message)),
        script=script_of(script),
    )
    return Rehearsal(alias, prompt)


def _parsed(text: str, otherwise: Any) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(text) if text.strip() else otherwise
    except (ValueError, RecursionError):
        return None


def _lines(history: Any) -> list[Line] | None:
    """None for what is none."""
    if not isinstance(history, list) or len(history) > MOST_LINES or len(history) % 2:
        return None
    lines: list[Line] = []
    for number, entry in enumerate(history):
        match entry:
            case ["user" | "assistant" as role, str(text)] if text.strip() and len(text) <= ENOUGH and "\0" not in text:
                lines.append(Line(role, text))
            case _:
                return None
        if lines[-1].role != ("assistant" if number % 2 else "user"):
            return None
    return lines


class _Hearing:
    """What the brain says, as frames for whoever reads."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.began = time.monotonic()
        self.first: float | None = None
        self.answering = Answering("", "", False)
        self.usage: Usage | None = None
        self.stop = ""
        self.size = 0

    def hear(self, event: Answering | BrainEvent) -> bool | None:
        match event:
            case TextDelta(text):
                self.first = self.first or time.monotonic() - self.began
                self.size += len(text)
                self.frames.put_nowait(frame({"token": text}))
                if self.size > ENOUGH:
                    self.stop = "truncated"
                    return True
            case Usage():
                self.usage = event
            case Stop(reason):
                self.stop = reason
            case Answering():
                self.answering = event
        return None

    def end(self) -> dict[str, Any]:
        cost = prices.cost(self.answering.model, self.usage)
        return {
            "done": True,
            "status": self.stop,
            "brain": self.answering.alias,
            "model": self.answering.model,
            "input_tokens": self.usage and self.usage.input_tokens,
            "output_tokens": self.usage and self.usage.output_tokens,
            "cache_read_tokens": self.usage and self.usage.cache_read_tokens,
            "cache_write_tokens": self.usage and self.usage.cache_write_tokens,
            "cost": None if cost is None else str(cost.normalize()),
            "first_token": self.first and round(self.first, 3),
            "seconds": round(time.monotonic() - self.began, 3),
        }


async def frames(rehearsal: Rehearsal) -> AsyncGenerator[bytes, None]:
    """Server-sent events, each one line of JSON: `{"token"}` …, then `{"done": true, …}` or `{"error", "message"}`.

    Whoever stops reading ends the brain's work.
    """
    hearing = _Hearing()
    thinking = asyncio.create_task(router.alone().think(rehearsal.alias, rehearsal.prompt, hearing.hear))
    thinking.add_done_callback(lambda _: hearing.frames.put_nowait(None))
    try:
        while (part := await hearing.frames.get()) is not None:
            yield part
        error = thinking.exception()
        if error is None:
            yield frame(hearing.end())
            return
        problem = error if isinstance(error, Problem) else Internal()
        if problem is not error:
            logger.error("a rehearsal broke: %s", where(error))
        yield frame({"error": problem.code, "message": problem.message})
    finally:
        thinking.cancel()


def frame(fields: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(fields).encode("ascii")
