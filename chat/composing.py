"""A turn's prompt, and what it is made of. Pure: no ORM, no clock.

In this order: persona, facts, summary (they seldom change, and vendors cache a prompt's beginning), then the newest whole turns,
then what the user says, after what sources put beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brains.types import Prompt
from chat import prompts
from chat.context import Context
from chat.ids import outside
from chat.records import Scene, Voice
from personas.instructions import system_blocks


@dataclass(frozen=True, slots=True)
class Composed:
    """`manifest` is kept with the turn: counts and ids, no text."""

    prompt: Prompt
    manifest: dict[str, Any]


def composed(scene: Scene, voice: Voice, text: str, context: Context, alias: str, context_tokens: int) -> Composed:
    """The prompt for that brain, within its tokens as far as those can be told beforehand."""
    ratio = _ratio(scene, alias)
    persona = system_blocks(voice.instructions, scene.language)
    facts = (context.facts,) if context.facts else ()
    summary = context.summary
    blocks = (*persona, *facts, *((summary.text,) if summary and summary.text else ()))
    beside = context.aside + text
    room = prompts.room_for_history(int(context_tokens * ratio), blocks, beside)
    start = prompts.window_start(scene.path_chars, room, summary.chars if summary else 0)
    history = prompts.exchanges(utterance for utterance in scene.path if utterance.offset >= start)
    parts = {
        "persona": sum(map(len, persona)),
        "facts": len(context.facts),
        "summary": len(summary.text) if summary else 0,
        "history": sum(len(exchange.said) + len(exchange.replied) for exchange in history),
        "recalled": len(context.aside),
        "message": len(text),
    }
    manifest = {
        "chars": sum(parts.values()),
        "tokens": {part: round(chars / ratio) for part, chars in parts.items()},
        "history_turns": len(history),
        "history_from": start,
        "room": room,
        "summary": summary and outside("summary", summary.id),
        "used": {kind: list(ids) for kind, ids in context.used.items()},
    }
    return Composed(prompts.compose(blocks, history, text, voice.script, context.aside), manifest)


def _ratio(scene: Scene, alias: str) -> float:
    """Characters a token: by what the same brain counted for the turn before, where there was one."""
    if scene.counted is None or scene.counted.brain != alias:
        return prompts.CHARS_PER_TOKEN
    return prompts.chars_per_token(scene.counted.chars, scene.counted.tokens)
