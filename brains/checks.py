"""What Django's system checks say of the brains: from the settings alone, without an SDK and without the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from brains import prices, registry

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+", re.ASCII)


@register("brains")
def check_brains(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Errors for entries that can never work, warnings for brains that want something set first."""
    return [*_wrong_entries(), *_unknown_aliases(), *_not_ready(), *_wrong_prices()]


def _wrong_entries() -> list[CheckMessage]:
    return [
        Error(
            f"BRAINS[{alias!r}]: BACKEND is {entry.get('BACKEND')!r}, not a dotted path to a class.",
            hint="Write it like 'brains.claude.ClaudeBrain'.",
            id="brains.E001",
        )
        for alias, entry in settings.BRAINS.items()
        if not _DOTTED.fullmatch(str(entry.get("BACKEND", "")))
    ]


def _unknown_aliases() -> list[CheckMessage]:
    named = {"COACH_BRAIN": [settings.COACH_BRAIN], "COACH_FALLBACK": settings.COACH_FALLBACK}
    return [
        Error(f"{setting} names {alias!r}; there are {', '.join(registry.aliases())}.", id="brains.E002")
        for setting, wanted in named.items()
        for alias in wanted
        if alias not in settings.BRAINS
    ]


def _not_ready() -> list[CheckMessage]:
    """Of the brains that the settings ask for; the one active in the database is for `brain status` to tell."""
    wanted = dict.fromkeys((settings.COACH_BRAIN, *settings.COACH_FALLBACK))
    return [
        Warning(registry.needs(alias, names), hint="Until then its turns fail with provider_config.", id="brains.W001")
        for alias in wanted
        if alias in settings.BRAINS and (names := registry.missing(alias))
    ]


def _wrong_prices() -> list[CheckMessage]:
    try:
        prices.current()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="brains/prices.toml shows the form.", id="brains.E003")]
    return []
