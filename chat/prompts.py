"""What a brain is given: the persona's words first, then as much history as fits. Pure: no Django, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from brains.types import Line, Prompt, Role, Script

CHARS_PER_TOKEN = 3.0
"""A cautious estimate: English has about 4 (OpenAI's and Anthropic's own rule of thumb), Norwegian about 3."""

LEAST_CHARS_PER_TOKEN, MOST_CHARS_PER_TOKEN = 1.0, 4.0

TELLING_TOKENS = 200
"""A prompt's count below this is mostly what the vendor puts around the text."""

FORGOTTEN = frozenset({"refused", "failed"})
"""Turns that no later prompt holds: users see them, brains don't."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message of the path, oldest first; `status` is that of the turn of a reply, empty for a user's message.

    `offset` counts the characters before it on its path.
    """

    role: Role
    text: str
    status: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the user said and what the coach replied; neither is blank."""

    said: str
    replied: str


def chars_per_token(chars: int, tokens: int) -> float:
    """What a vendor's count of an earlier prompt's tokens says; in steps of a half, so that the window seldom moves for it."""
    if tokens < TELLING_TOKENS or chars <= 0:
        return CHARS_PER_TOKEN
    return min(MOST_CHARS_PER_TOKEN, max(LEAST_CHARS_PER_TOKEN, math.floor(chars / tokens * 2) / 2))


def room_for_history(chars: int, system: Sequence[str], message: str) -> int:
    """Characters that history may take beside the rest of a prompt of so many.

    For the message an eighth of the prompt is kept; for one that is longer a quarter, a half, all: a room that followed each
    message's length would move the window at each turn.
    """
    kept = next((chars // share for share in (8, 4, 2) if len(message) <= chars // share), chars)
    return max(0, chars - sum(map(len, system)) - kept)


def window_start(path_chars: int, room: int, summarised: int = 0) -> int:
    """From which character of the path on history is sent, so that at most `room` characters are.

    What a summary stands for is not sent: its first `summarised` characters. Where a summary is late, the window moves in steps
    of half the room: one that moved with each turn would change the prompt's beginning each time and spoil the vendor's cache.
    """
    beyond = path_chars - summarised - room
    if beyond <= 0:
        return summarised
    step = max(1, room // 2)
    return summarised + -(-beyond // step) * step


def exchanges(path: Iterable[Utterance]) -> tuple[Exchange, ...]:
    """Whole turns with text on both sides; a question without a reply, and a refused or failed turn, are left out."""
    found: list[Exchange] = []
    question = ""
    for utterance in path:
        if utterance.role == "user":
            question = utterance.text
        elif question.strip() and utterance.text.strip() and utterance.status not in FORGOTTEN:
            found.append(Exchange(question, utterance.text))
            question = ""
        else:
            question = ""
    return tuple(found)


def compose(
    system: tuple[str, ...], history: Sequence[Exchange], message: str, script: Script, aside: str = ""
) -> Prompt:
    """The prompt: lines alternate and end with the user's message, after what is put beside it."""
    lines: list[Line] = []
    for exchange in history:
        lines += (Line("user", exchange.said), Line("assistant", exchange.replied))
    lines.append(Line("user", message, aside))
    return Prompt(system=system, lines=tuple(lines), script=script)
