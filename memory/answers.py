"""What a brain says to the memory, as one text of bounded length. No deltas are of use here."""

from __future__ import annotations

from brains.router import Router
from brains.types import Answering, BrainEvent, Prompt, TextDelta


async def answer(router: Router, alias: str, prompt: Prompt, most: int) -> str:
    """A brain's answer; of one longer than `most` characters the beginning, a delta longer than that. Raises BrainError."""
    pieces, length = list[str](), 0

    def hear(event: Answering | BrainEvent) -> bool | None:
        nonlocal length
        if isinstance(event, TextDelta):
            pieces.append(event.text)
            length += len(event.text)
        return length > most or None

    await router.think(alias, prompt, hear)
    return "".join(pieces)
