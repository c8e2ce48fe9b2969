"""The coaches that every installation begins with: data, in personas/coaches."""

from __future__ import annotations

import json
from pathlib import Path

from django.db import transaction

from personas import versions
from personas.catalog import DEFAULT
from personas.content import content_of
from personas.models import Persona

COACHES = Path(__file__).parent / "coaches"


def seed() -> list[str]:
    """Make what is missing; the ids that were made.

    On an empty table all coaches are made. Later only the default one is: a coach that an operator deleted stays
    deleted, and one that was edited stays as it is.
    """
    with transaction.atomic():
        known = set(Persona.objects.values_list("id", flat=True))
        return [path.stem for path in sorted(COACHES.glob("*.json")) if _wanted(path.stem, known) and _make(path)]


def _wanted(name: str, known: set[str]) -> bool:
    return name not in known and (not known or name == DEFAULT)


def _make(path: Path) -> bool:
    values = json.loads(path.read_text(encoding="utf-8"))
    values.pop("id")
    # Two starts at once: the other one's insert is waited for, and then nothing is left to do.
    made = Persona.objects.bulk_create([Persona(id=path.stem, position=values.pop("position"))], ignore_conflicts=True)
    if not made or Persona.objects.get(id=path.stem).current_id:
        return False
    versions.save(path.stem, content_of(values), "seed", "As delivered.")
    versions.publish(path.stem)
    return True
