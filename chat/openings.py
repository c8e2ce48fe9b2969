"""What becomes of a message, decided in the one transaction in which a turn begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from brains.types import Prompt, Script
from chat import prompts
from chat.ids import new_id, outside
from chat.store import NewTurn, Opening, Past, Scene
from personas.instructions import system_blocks
from problems import IdempotencyMismatch, NotFound, PersonaUnavailable, TurnInProgress

TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Send:
    """A user's message to a session. `digest` tells one request from another under the same idempotency key."""

    session: UUID
    text: str
    key: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored turn that is about to run."""

    new: NewTurn
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker begins its turns with. `admit` raises where it takes no more of them."""

    context_tokens: Callable[[str], int]
    default_brain: str
    worker: UUID
    admit: Callable[[], None]


async def decide(opening: Opening, send: Send, terms: Terms) -> Opened | UUID:
    """A new turn, stored; or the id of the earlier one that the same key began.

    Raises NotFound, TurnInProgress, PersonaUnavailable, IdempotencyMismatch, and what `admit` raises.
    """
    scene = await opening.scene(send.session)
    if scene is None:
        raise NotFound("There is no such session.")
    alias = scene.session_brain or scene.persona_brain or scene.active_brain or terms.default_brain
    system = system_blocks(scene.instructions, scene.language)
    room = prompts.room_for_history(terms.context_tokens(alias), system, send.text)
    past = await opening.past(scene, prompts.window_start(scene.path_chars, room), send.key)
    if past.key_digest:
        return _earlier(past, send)
    if past.running:
        raise TurnInProgress(extra={"turn_id": outside("turn", past.running)})
    if not scene.version or not scene.published:
        raise PersonaUnavailable
    terms.admit()
    new = _new_turn(scene, send, alias, terms.worker)
    await opening.new_turn(new)
    return Opened(new, prompts.compose(system, prompts.exchanges(past.path), send.text, script(scene.script)))


def _new_turn(scene: Scene, send: Send, alias: str, worker: UUID) -> NewTurn:
    return NewTurn(
        turn=new_id(),
        message=new_id(),
        session=scene.session,
        owner=scene.owner,
        head=scene.head,
        depth=scene.depth,
        offset=scene.path_chars,
        text=send.text,
        title=title(send.text),
        persona=scene.persona,
        persona_version=scene.version,
        brain=alias,
        worker=worker,
        key=send.key,
        digest=send.digest,
    )


def _earlier(past: Past, send: Send) -> UUID:
    if past.key_digest != send.digest or past.key_turn is None:
        raise IdempotencyMismatch
    return past.key_turn


def title(text: str) -> str:
    """A session's name: the first words of its first message."""
    words = " ".join(text.split())
    if len(words) <= TITLE_CHARS:
        return words
    return words[:TITLE_CHARS].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def script(data: dict[str, Any]) -> Script:
    """A persona's script from its JSON."""
    return Script(
        openers=tuple(data.get("openers", ())),
        replies={topic: tuple(bodies) for topic, bodies in data.get("replies", {}).items()},
        closers=tuple(data.get("closers", ())),
    )
