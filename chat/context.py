"""What a prompt holds besides persona and history. Sources, which the setting COACH_CONTEXT names by dotted path, tell it.

A source never fails or delays a turn: what it does not tell in time is left out of this one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

PATIENCE = 0.25
"""s for all that a source does before a turn."""


class Rows(Protocol):
    """One statement on the turns' own pool, and its rows; raises DatabaseUnavailable, also where it takes longer than `ms`."""

    async def __call__(
        self, statement: str, values: dict[str, Any], *, ms: int | None = None
    ) -> Sequence[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn that begins: whose, where, and what the user says. `anchor` is the message that it follows, None for the first.

    `named`: the owner is one user, not all those who gave no id.
    """

    owner: int
    named: bool
    language: str
    session: UUID
    anchor: UUID | None
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Stands for a path's first `chars` characters, which are whole turns and are sent no more."""

    id: UUID
    text: str
    chars: int


@dataclass(frozen=True, slots=True)
class Context:
    """`facts` are what is known of the user; `aside` goes into the last line, before what the user says.

    `facts` and the summary's text are the same from turn to turn until what they tell changes: vendors cache a prompt's
    beginning. `used` holds ids of what they were made of, by kind, and never text.
    """

    facts: str = ""
    summary: Summary | None = None
    aside: str = ""
    used: Mapping[str, Sequence[str]] = field(default_factory=dict)


NOTHING = Context()


class Source(Protocol):
    """Tells a context."""

    async def context(self, asked: Asked, rows: Rows) -> Context: ...


@runtime_checkable
class Listener(Protocol):
    """A source that is told of each turn's end."""

    def turn_ended(self) -> None:
        """Some turn of this worker has ended, stored or not. Must not block, nor raise."""
        ...


class Sources:
    """Those of this process."""

    def __init__(self, paths: Sequence[str], patience: float = PATIENCE) -> None:
        """Raise ImproperlyConfigured for a path that leads nowhere."""
        self._sources = tuple(map(_source, paths))
        self._listeners = tuple(source for source in self._sources if isinstance(source, Listener))
        self._patience = patience
        self._failing: set[Source] = set()

    async def context(self, asked: Asked, rows: Rows) -> Context:
        """What all of them tell, one after the other; of several summaries the first."""
        found = NOTHING
        for source in self._sources:
            try:
                async with asyncio.timeout(self._patience):
                    told = await source.context(asked, rows)
            except Exception as error:  # noqa: BLE001 — a turn goes on without; said once, until it is well again
                if source not in self._failing:
                    name = type(source).__qualname__
                    logger.warning("the context of %s fails, turns go on without: %s", name, type(error).__name__)
                self._failing.add(source)
                continue
            self._failing.discard(source)
            found = _joined(found, told)
        return found

    def turn_ended(self) -> None:
        """A turn of this worker has ended."""
        for listener in self._listeners:
            listener.turn_ended()


def _source(path: str) -> Source:
    try:
        source: Source = import_string(path)()
    except ImportError as error:
        raise ImproperlyConfigured(f"COACH_CONTEXT names {path!r}, which cannot be imported: {error}") from error
    return source


def _joined(one: Context, other: Context) -> Context:
    if one is NOTHING:
        return other
    return Context(
        facts="\n\n".join(filter(None, (one.facts, other.facts))),
        summary=one.summary or other.summary,
        aside="\n\n".join(filter(None, (one.aside, other.aside))),
        used={**one.used, **other.used},
    )
