"""Context sources that servers in tests are given by COACH_CONTEXT."""

from __future__ import annotations

from chat.context import Asked, Context, Rows

FACTS = "What is known of the user:\n- their knee hurts"
QUOTE = "<earlier>\n[2026-05-01, user] my knee hurts\n</earlier>"


class Knee:
    """Knows one fact, and recalls one message, of whoever asks."""

    async def context(self, asked: Asked, rows: Rows) -> Context:
        ((one,),) = await rows("SELECT 1 WHERE %(owner)s > 0", {"owner": asked.owner})
        return Context(facts=FACTS, aside=QUOTE, used={"facts": [f"fact_{one}"], "recalled": ["msg_1"]})


class Ill:
    """Fails whenever it is asked."""

    async def context(self, asked: Asked, rows: Rows) -> Context:
        raise ValueError("must not be told: " + asked.text)
