"""What goes into the hot path's SQL and what comes out: values between turns, openings and the store."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from brains.types import Script, Usage
from chat.prompts import Utterance
from safety.rules import Rules


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is to be answered anew: the user's message, what it follows, and what was asked about it.

    `role` is that of the message that was named: a reply stands for the user's message before it.
    """

    session: UUID
    role: str
    message: UUID
    parent: UUID | None
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """What a version of a persona says of itself to a brain. Versions never change."""

    persona: str
    tone: str
    number: int
    instructions: str
    brain: str
    script: Script


@dataclass(frozen=True, slots=True)
class Counted:
    """What a brain counted: the tokens of a prompt of so many characters."""

    brain: str
    tokens: int
    chars: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A session as a turn finds it. `voice` is the persona's current version, None where there is no such persona.

    `named`: the owner is one user, not all those who gave no id; `language` is the owner's. `anchor` is the message that the
    new one follows, `head` the leaf of the session's current path. `running` is the session's running turn, `slots` those that
    the owner's running turns take in all sessions; `key_digest` and `key_turn` are what the idempotency key was used for.
    `rules` are those of safety in use; `held`: the owner is to be answered gently. `counted` is of the turn before. `path`
    holds the path's newest messages up to the anchor, oldest first. `app` and `user` are the owner's names; `budgeted`: there are
    budgets, of whomever.
    """

    session: UUID
    owner: int
    named: bool
    language: str
    persona: str
    published: bool
    voice: Voice | None
    session_brain: str
    active_brain: str
    head: UUID | None
    anchor: UUID | None
    depth: int
    path_chars: int
    running: UUID | None
    key_digest: str
    key_turn: UUID | None
    slots: frozenset[int]
    rules: Rules
    held: bool
    counted: Counted | None
    path: tuple[Utterance, ...]
    app: str
    user: str
    budgeted: bool


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be stored, with its user message unless that is there already (`asked_before`).

    `anchor` is the message that the user's one follows; `head_before` where the session's path ended; `manifest`, as JSON, what
    its prompt was made of; `safety` the rule whose fixed answer is the reply, empty: none.
    """

    turn: UUID
    message: UUID
    session: UUID
    owner: int
    anchor: UUID | None
    head_before: UUID | None
    depth: int
    offset: int
    text: str
    title: str
    asked_before: bool
    persona: str
    persona_version: int
    brain: str
    worker: UUID
    slot: int | None
    key: str
    digest: str
    manifest: str
    safety: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How a turn ended, to be stored. A reply with text carries the turn's UUID. `cost` in USD, None where nobody knows it.

    `spent_tokens` and `spent_cost` are what budgets count, where the turn has reserved something.
    """

    turn: UUID
    session: UUID
    owner: int
    user_message: UUID
    depth: int
    offset: int
    text: str
    status: str
    brain: str
    model: str
    fallback: bool
    usage: Usage | None
    error: str
    seconds_to_first_token: float | None
    cost: Decimal | None
    safety: str
    spent_tokens: int = 0
    spent_cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Stored:
    """A turn as it lies in the database, with the text of its reply. `worker` is the one that runs or ran it."""

    turn: UUID
    session: UUID
    user_message: UUID
    status: str
    text: str
    brain: str
    model: str
    fallback: bool
    input_tokens: int | None
    output_tokens: int | None
    error: str
    persona: str
    worker: UUID | None
    safety: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a running turn has said from its character `start` on."""

    turn: UUID
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A turn as another worker finds it: its status, and the pieces of text that it did not have yet."""

    turn: UUID
    status: str
    text: str
