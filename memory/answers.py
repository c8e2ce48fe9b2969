"""What a brain says to the memory, as one text of bounded length. No deltas are of use here."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from brains import prices
from brains.router import Router
from brains.types import Answering, BrainEvent, Prompt, TextDelta, Usage
from chat import spending
from identity.callers import ANONYMOUS
from identity.models import Owner


async def answer(router: Router, alias: str, prompt: Prompt, most: int, owner: int) -> str:
    """A brain's answer; of one longer than `most` characters the beginning, a delta longer than that. Raises BrainError.

    What it took is counted in the budgets that hold for the owner, and is not refused: it comes of turns that were not.
    """
    pieces, length = list[str](), 0
    model, usage = "", Usage(0, 0)

    def hear(event: Answering | BrainEvent) -> bool | None:
        nonlocal length, model, usage
        match event:
            case TextDelta(text):
                pieces.append(text)
                length += len(text)
            case Usage():
                usage = event
            case Answering():
                model = event.model
        return length > most or None

    await router.think(alias, prompt, hear)
    if settings.COACH_LIMITS:
        await sync_to_async(_count)(owner, model, usage)
    return "".join(pieces)


def _count(owner: int, model: str, usage: Usage) -> None:
    whose = Owner.objects.filter(pk=owner).first()
    if whose is None:  # erased meanwhile
        return
    named = whose.pk if whose.external_id != ANONYMOUS else None
    spender = spending.Spender(whose.app, whose.external_id, named)
    tokens = usage.input_tokens + usage.output_tokens
    values = {
        "tokens": tokens,
        "cost": prices.cost(model, usage) or spending.NOTHING,
        "app": spender.app,
        "owner": spender.owner,
        **spender.subjects(),
    }
    with connection.cursor() as cursor:
        cursor.execute(spending.SPEND, values)
