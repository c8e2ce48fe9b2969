"""How the brains are: each that has what it needs is asked, cheaply, and the answer kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from brains import registry
from brains.errors import BrainError, BrainMisconfigured

State: TypeAlias = Literal["ready", "not_ready", "misconfigured", "unreachable"]

PATIENCE = 5.0
"""s for an answer; building a brain that was never used, which takes seconds too, is not counted."""
KEPT = 30.0
KEPT_FAILURE = 5.0
"""s that an answer is kept; a failure shorter, so that an operator who mends it sees so."""


@dataclass(frozen=True, slots=True)
class BrainState:
    """One brain. `not_ready`: something must be set first; `misconfigured`: the vendor says no; `message` is a sentence."""

    name: str
    kind: str
    model: str
    healthy: bool
    state: State
    message: str


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All brains, and how the active one is."""

    active_brain: str
    healthy: bool
    message: str
    brains: tuple[BrainState, ...]
    breakers: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """As the API shows it."""
        shown = ("name", "kind", "model", "healthy", "state")
        brains = [
            {**{name: getattr(brain, name) for name in shown}, "breaker": self.breakers.get(brain.name, "closed")}
            for brain in self.brains
        ]
        return {
            "active_brain": self.active_brain,
            "healthy": self.healthy,
            "message": self.message,
            "brains": brains,
        }


class _Asked(NamedTuple):
    at: float
    task: asyncio.Task[BrainState]

    @property
    def fresh(self) -> bool:
        if not self.task.done():
            return True
        kept = KEPT if self.task.result().healthy else KEPT_FAILURE
        return time.monotonic() < self.at + kept


_asked: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Asked]] = WeakKeyDictionary()


async def report(active: str, breakers: Mapping[str, str] = MappingProxyType({})) -> HealthReport:
    """How all brains are; `active` is the alias in use, `breakers` their states. No key and no vendor's text is in it."""
    brains = tuple(await asyncio.gather(*map(state, registry.aliases())))
    for brain in brains:
        if brain.name == active:
            return HealthReport(active, brain.healthy, brain.message, brains, breakers)
    return HealthReport(active, False, f"The settings have no brain {active!r}.", brains, breakers)


async def state(alias: str) -> BrainState:
    """How one brain is, as of at most KEPT seconds ago."""
    if names := registry.missing(alias):
        return _state(alias, "not_ready", registry.needs(alias, names))
    mine = _asked.setdefault(asyncio.get_running_loop(), {})
    asked = mine.get(alias)
    if asked is None or not asked.fresh:
        asked = mine[alias] = _Asked(time.monotonic(), asyncio.create_task(_ask(alias)))
    return await asyncio.shield(asked.task)


async def _ask(alias: str) -> BrainState:
    try:
        brain = await registry.get(alias)
        async with asyncio.timeout(PATIENCE):
            await brain.probe()
    except BrainMisconfigured as error:
        return _state(alias, "misconfigured", error.message)
    except BrainError as error:
        return _state(alias, "unreachable", error.message)
    except TimeoutError:
        return _state(alias, "unreachable", f"The brain {alias} did not answer within {PATIENCE:g} s.")
    return _state(alias, "ready", f"The brain {alias} answers.")


def _state(alias: str, state: State, message: str) -> BrainState:
    return BrainState(alias, registry.kind(alias), registry.model(alias), state == "ready", state, message)
