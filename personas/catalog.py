"""Which personas there are, as the API tells it. Each call takes one query."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F

from personas.models import Persona, PersonaVersion

DEFAULT = "default"
USUAL = "fitness_coach"
"""Who speaks where a session names nobody, as long as it is published; else the default persona."""


@dataclass(frozen=True, slots=True)
class PersonaCard:
    """What anyone may know of a persona: never its instructions."""

    id: str
    name: str
    description: str
    style: str
    use_case: str
    example: str
    tone: str
    starters: tuple[str, ...]
    avatar: str
    accent: str


def published() -> list[PersonaCard]:
    """The published personas in their order; the default one is not listed."""
    rows = Persona.objects.filter(published=True, current__isnull=False).exclude(id=DEFAULT)
    return [_card(row.current) for row in rows.select_related("current").defer("current__instructions") if row.current]


def names() -> list[str]:
    """The ids that a session may choose, the default one last."""
    found = list(Persona.objects.filter(published=True, current__isnull=False).values_list("id", flat=True))
    return sorted(found, key=lambda name: name == DEFAULT)


def default_name() -> str:
    """Who speaks where nobody is named."""
    return USUAL if Persona.objects.filter(id=USUAL, published=True).exists() else DEFAULT


def card(name: str) -> PersonaCard | None:
    """One persona, published or not."""
    row = PersonaVersion.objects.filter(persona_id=name, persona__current_id=F("id")).first()
    return _card(row) if row else None


def _card(version: PersonaVersion) -> PersonaCard:
    return PersonaCard(
        id=version.persona_id,
        name=version.name,
        description=version.description,
        style=version.style,
        use_case=version.use_case,
        example=version.example,
        tone=version.tone,
        starters=tuple(version.starters),
        avatar=version.avatar,
        accent=version.accent,
    )
