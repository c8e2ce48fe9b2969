"""The brains of settings.BRAINS: what each needs, and one built instance of each for the running process.

Built on first use, in a thread: importing an SDK takes seconds. An HTTP client belongs to one event loop, so the instances
are kept by loop; a server has one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils.module_loading import import_string

from brains.errors import BrainMisconfigured
from brains.types import Brain

logger = logging.getLogger(__name__)

CONTEXT_TOKENS = 60_000
OUTPUT_TOKENS = 1_024
"""Where a brain's options say nothing."""


class Built(NamedTuple):
    """`entry` is the settings entry that it was built from."""

    entry: Mapping[str, Any]
    task: asyncio.Task[Brain]


_built: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Built]] = WeakKeyDictionary()


def aliases() -> tuple[str, ...]:
    """All brains of the settings, in their order."""
    return tuple(settings.BRAINS)


def missing(alias: str) -> tuple[str, ...]:
    """The names of variables that must be set before the brain can think."""
    return tuple(name for name, value in _entry(alias).get("REQUIRES", {}).items() if not value)


def kind(alias: str) -> str:
    """What kind of brain it is: its module's name (`claude`, `openai`, `scripted`)."""
    return str(_entry(alias)["BACKEND"]).split(".")[-2]


VENDORS = {"claude": "anthropic"}


def vendor(alias: str) -> str:
    """Whose brain it is, by the name that OpenTelemetry has for them; empty for an alias that the settings don't have."""
    return VENDORS.get(kind(alias), kind(alias)) if alias in settings.BRAINS else ""


def model(alias: str) -> str:
    """The vendor's model id, or the kind of a brain that has none; empty for an alias that the settings don't have."""
    if alias not in settings.BRAINS:
        return ""
    return str(_options(alias).get("model") or kind(alias))


def context_tokens(alias: str) -> int:
    """How long a prompt may be."""
    if alias not in settings.BRAINS:
        return CONTEXT_TOKENS
    return int(_options(alias).get("context_tokens", CONTEXT_TOKENS))


def output_tokens(alias: str) -> int:
    """How long a reply may be."""
    if alias not in settings.BRAINS:
        return OUTPUT_TOKENS
    return int(_options(alias).get("output_tokens", OUTPUT_TOKENS))


def follows_schema(alias: str) -> bool:
    """Whether the brain answers with JSON where a prompt asks for it by a schema."""
    return alias in settings.BRAINS and bool(_entry(alias).get("SCHEMA"))


def chain(alias: str) -> tuple[str, ...]:
    """The brain, then those that are tried in its place, each once."""
    return tuple(dict.fromkeys((alias, *settings.COACH_FALLBACK)))


async def get(alias: str) -> Brain:
    """The brain, built if need be. Raises BrainMisconfigured where it can't be."""
    if alias not in settings.BRAINS:
        raise BrainMisconfigured(f"The settings have no brain {alias!r}; they have {', '.join(aliases())}.")
    if names := missing(alias):
        raise BrainMisconfigured(needs(alias, names))
    entry = _entry(alias)
    mine = _built.setdefault(asyncio.get_running_loop(), {})
    built = mine.get(alias)
    if built is None or built.entry is not entry:
        built = mine[alias] = Built(entry, asyncio.create_task(_build(alias, entry)))
    try:
        return await asyncio.shield(built.task)
    except BrainMisconfigured:
        if mine.get(alias) is built:
            del mine[alias]
        raise


def needs(alias: str, names: tuple[str, ...]) -> str:
    """A sentence on what is missing."""
    return f"The brain {alias} needs {' and '.join(names)} to be set."


async def warm(alias: str) -> None:
    """Build the brain now. Raises BrainMisconfigured where it can't be."""
    await get(alias)


async def close() -> None:
    """Close the running event loop's brains."""
    for built in _built.pop(asyncio.get_running_loop(), {}).values():
        try:
            brain = await built.task
        except BrainMisconfigured:
            continue  # said when it was asked for
        await brain.close()


def _entry(alias: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], settings.BRAINS[alias])


def _options(alias: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], _entry(alias).get("OPTIONS", {}))


async def _build(alias: str, entry: Mapping[str, Any]) -> Brain:
    return await asyncio.to_thread(_load, alias, entry)


def _load(alias: str, entry: Mapping[str, Any]) -> Brain:
    try:
        backend = import_string(entry["BACKEND"])
    except ImportError as error:
        raise BrainMisconfigured(f"The brain {alias} has a BACKEND that cannot be imported.") from error
    return cast(Brain, backend(alias, entry.get("OPTIONS", {})))
