"""Changing a persona: each save is a new immutable version, in use from the next turn on, in every worker."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass

from django.db import transaction

from personas.catalog import DEFAULT
from personas.content import NAMES, PersonaContent, content_of
from personas.models import Persona, PersonaVersion
from problems import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two versions; `lines` is a unified diff."""

    field: str
    lines: tuple[str, ...]

    @property
    def marked(self) -> list[tuple[str, str]]:
        """Each line with what it is: `added`, `gone`, `where` (a part's place) or empty."""
        kinds = {"+": "added", "-": "gone", "@": "where"}
        return [(kinds.get(line[:1], ""), line) for line in self.lines]


def content(version: PersonaVersion) -> PersonaContent:
    """What a version says."""
    return content_of({name: getattr(version, name) for name in NAMES})


def save(persona_id: str, new: PersonaContent, who: str, note: str = "") -> PersonaVersion:
    """Make `new` the current version; the current one comes back where nothing changed. Raises NotFound."""
    with transaction.atomic():
        persona = _locked(persona_id)
        newest = persona.versions.order_by("-number").first()
        if newest and newest.id == persona.current_id and content(newest) == content_of(new.as_dict()):
            return newest
        version = PersonaVersion(
            persona=persona,
            number=newest.number + 1 if newest else 1,
            note=note[:200],
            created_by=who[:200],
            **new.as_dict(),
        )
        version.save(force_insert=True)
        persona.current = version
        persona.save(update_fields=["current", "updated_at"])
    return version


def roll_back(persona_id: str, number: int, who: str) -> PersonaVersion:
    """A new version that says what version `number` said. Raises NotFound."""
    old = PersonaVersion.objects.filter(persona_id=persona_id, number=number).first()
    if old is None:
        raise NotFound(f"There is no version {number} of {persona_id}.")
    return save(persona_id, content(old), who, note=f"Rolled back to version {number}.")


def publish(persona_id: str) -> None:
    """Let sessions choose it. Raises NotFound, and Invalid for one that says nothing yet."""
    with transaction.atomic():
        persona = _locked(persona_id)
        if persona.current is None:
            raise Invalid(f"{persona_id} has no version yet.")
        persona.published = True
        persona.save(update_fields=["published", "updated_at"])


def unpublish(persona_id: str) -> None:
    """Take it out of the lists; its sessions stay readable. Raises NotFound, and Invalid for the default persona."""
    if persona_id == DEFAULT:
        raise Invalid("The default persona cannot be unpublished: sessions fall back to it.")
    with transaction.atomic():
        persona = _locked(persona_id)
        persona.published = False
        persona.save(update_fields=["published", "updated_at"])


def difference(old: PersonaVersion, new: PersonaVersion) -> list[Change]:
    """What changed from `old` to `new`, by field."""
    changes: list[Change] = []
    for name in NAMES:
        before, after = _lines(getattr(old, name)), _lines(getattr(new, name))
        if before != after:
            diff = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
            changes.append(Change(name, tuple(diff)))
    return changes


def _lines(value: object) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    return text.splitlines()


def _locked(persona_id: str) -> Persona:
    persona = Persona.objects.select_for_update(of=("self",)).select_related("current").filter(id=persona_id).first()
    if persona is None:
        raise NotFound(f"There is no persona {persona_id}.")
    return persona
