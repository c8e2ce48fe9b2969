"""What a follower of a turn is told: values between turns, live and sse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from brains.types import Usage
from problems import Problem


@dataclass(frozen=True, slots=True)
class Said:
    """Text that was said since the last event; may hold many deltas."""

    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What had been said when a follower joined; may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was said for a while."""


@dataclass(frozen=True, slots=True)
class Done:
    """The turn's regular end, after its reply is stored. `message` is None where nothing was said."""

    turn: UUID
    user_message: UUID
    message: UUID | None
    status: str
    brain: str
    fallback: bool
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn's end in trouble."""

    turn: UUID
    user_message: UUID
    message: UUID | None
    problem: Problem


Ended: TypeAlias = Done | Failed
Event: TypeAlias = Snapshot | Said | Quiet | Done | Failed
