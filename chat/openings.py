"""What becomes of a message: looked at, decided, and stored if all is still as it was seen; else looked at again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from brains.types import Prompt
from chat import spending
from chat.composing import composed
from chat.context import NOTHING, Asked, Context, Rows
from chat.ids import new_id, outside
from chat.records import NewTurn, Place, Scene, Voice
from chat.spending import Need, Spender
from chat.store import Store
from identity.callers import Caller
from identity.quotas import Quota
from problems import (
    IdempotencyMismatch,
    Invalid,
    NotFound,
    PersonaUnavailable,
    ServerBusy,
    TooManyTurns,
    TurnInProgress,
)
from safety.rules import Finding, Rules

TITLE_CHARS = 60

SAFETY = "safety"
"""What stands for the brain where a fixed answer is the reply, and none is asked."""

LOOKS = 30
"""How often a send looks again; each time another one has got through."""


@dataclass(frozen=True, slots=True)
class Send:
    """A user's message to a session. `digest` tells one request from another under the same idempotency key."""

    session: UUID
    text: str
    key: str
    digest: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Regenerate:
    """A new reply to an earlier message: a user's, or the one that a reply answers."""

    message: UUID
    key: str
    digest: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Edit:
    """A user's message in the place of an earlier one."""

    message: UUID
    text: str
    key: str
    digest: str
    caller: Caller


Request: TypeAlias = Send | Regenerate | Edit


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored turn that is about to run. With an `answer` no brain is asked: `rules` have found something in the message.

    `need` is what it has reserved of budgets; None: there are none.
    """

    new: NewTurn
    prompt: Prompt
    rules: Rules
    answer: Finding | None
    need: Need | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker begins its turns with. `admit` raises where it takes no more of them.

    `gentle` are personas, the first that there is, for users on hold. `reach` is how many characters of history the most
    capable brain takes. `turns_of_owner` bounds a user's running turns, on all workers together; None: it does
    not. `budgets`: they hold.
    """

    context_tokens: Callable[[str], int]
    context: Callable[[Asked, Rows], Awaitable[Context]]
    reach: int
    default_brain: str
    worker: UUID
    turns_of_owner: int | None
    gentle: tuple[str, ...]
    admit: Callable[[], None]
    budgets: bool = False


async def decide(store: Store, request: Request, terms: Terms) -> Opened | UUID:
    """A new turn, stored; or the id of the earlier one that the same key began.

    Raises NotFound, Invalid, TurnInProgress, PersonaUnavailable, TooManyTurns, IdempotencyMismatch, DatabaseUnavailable, what
    `admit` raises, and ServerBusy where others were quicker again and again.
    """
    for _ in range(LOOKS):
        found = await _look(store, request, terms)
        if found:
            return found
    raise ServerBusy


async def _look(store: Store, request: Request, terms: Terms) -> Opened | UUID | None:
    """None: the session has changed between the look and the storing."""
    session, place, text = await _asked(store, request)
    scene = await store.scene(session, place, terms.reach, request.key, request.caller)
    if scene is None:
        raise NotFound("There is no such session.")
    if scene.key_digest:
        return _earlier(scene, request)
    if request.caller.refused:
        raise request.caller.refused
    if scene.running:
        raise TurnInProgress(extra={"turn_id": outside("turn", scene.running)})
    voice = await _voice(store, scene, terms)
    terms.admit()
    slot = _slot(scene, terms.turns_of_owner if scene.named else None)
    return await _begin(store, request, terms, scene, place, text, voice, slot)


async def _begin(
    store: Store,
    request: Request,
    terms: Terms,
    scene: Scene,
    place: Place | None,
    text: str,
    voice: Voice,
    slot: int | None,
) -> Opened | None:
    """Compose the prompt and store the turn. Raises BudgetExceeded. None: as for _look."""
    answer = scene.rules.asked(text)
    alias = SAFETY if answer else scene.session_brain or voice.brain or scene.active_brain or terms.default_brain
    asked = Asked(scene.owner, scene.named, scene.language, scene.session, scene.anchor, scene.depth, text)
    context = NOTHING if answer else await terms.context(asked, store.rows)
    made = composed(scene, voice, text, context, alias, 0 if answer else terms.context_tokens(alias))
    new = NewTurn(
        turn=new_id(),
        message=place.message if place and isinstance(request, Regenerate) else new_id(),
        session=scene.session,
        owner=scene.owner,
        anchor=scene.anchor,
        head_before=scene.head,
        depth=scene.depth,
        offset=scene.path_chars,
        text=text,
        title=title(text),
        asked_before=isinstance(request, Regenerate),
        persona=voice.persona,
        persona_version=voice.number,
        brain=alias,
        worker=terms.worker,
        slot=slot,
        key=request.key,
        digest=request.digest,
        manifest=json.dumps({**made.manifest, "safety_rules": scene.rules.number}),
        safety=answer.rule if answer else "",
    )
    need = spender = None
    if terms.budgets and scene.budgeted and not answer:
        need = spending.need(alias, sum(made.manifest["tokens"].values()))
        spender = Spender(scene.app, scene.user, scene.owner if scene.named else None)
    return Opened(new, made.prompt, scene.rules, answer, need) if await store.new_turn(new, need, spender) else None


async def _voice(store: Store, scene: Scene, terms: Terms) -> Voice:
    """The persona's, or the gentle one's where a hard one would answer a user on hold. Raises PersonaUnavailable."""
    voice = scene.voice if scene.published else None
    if voice and scene.held and voice.tone == "hard":
        voice = await store.gentle(terms.gentle)
    if voice is None:
        raise PersonaUnavailable
    return voice


async def _asked(store: Store, request: Request) -> tuple[UUID, Place | None, str]:
    """The session, the place in it (None: its head), and what the user says there. Raises NotFound, Invalid."""
    if isinstance(request, Send):
        return request.session, None, request.text
    place = await store.place(request.message, request.caller)
    if place is None:
        raise NotFound("There is no such message.")
    if isinstance(request, Regenerate):
        return place.session, place, place.text
    if place.role != "user":
        raise Invalid("Only a user's message can be edited; a reply can be regenerated.")
    return place.session, place, request.text


def _slot(scene: Scene, most: int | None) -> int | None:
    """The first free one of an owner's places for running turns. Raises TooManyTurns."""
    if most is None:
        return None
    for slot in range(most):
        if slot not in scene.slots:
            return slot
    sentence = f"You have {most} running turns, as many as you may; wait for the end of one, or stop it."
    raise TooManyTurns(sentence, more_headers=Quota("turns", most, unit="concurrent-requests").headers())


def _earlier(scene: Scene, request: Request) -> UUID:
    if scene.key_digest != request.digest or scene.key_turn is None:
        raise IdempotencyMismatch
    return scene.key_turn


def title(text: str) -> str:
    """A session's name: the first words of its first message."""
    words = " ".join(text.split())
    if len(words) <= TITLE_CHARS:
        return words
    return words[:TITLE_CHARS].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
