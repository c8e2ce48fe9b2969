"""How a turn ends: values between turns, live and sse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from brains.types import Usage
from problems import Problem


@dataclass(frozen=True, slots=True)
class Done:
    """The turn's regular end, after its reply is stored. `message` is None where nothing was said.

    `safety` is the rule whose fixed answer was given.
    """

    turn: UUID
    user_message: UUID
    message: UUID | None
    status: str
    brain: str
    fallback: bool
    usage: Usage | None
    safety: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn's end in trouble."""

    turn: UUID
    user_message: UUID
    message: UUID | None
    problem: Problem


Ended: TypeAlias = Done | Failed
