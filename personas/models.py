"""Who speaks: a persona, and the immutable versions of what it says about itself."""

from __future__ import annotations

import re
from typing import Any

from django.core.validators import RegexValidator
from django.db import models

PERSONA_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME = RegexValidator(rf"^{PERSONA_ID.pattern}\Z", "Use lower-case letters, digits and underscores, a letter first.")


class Tone(models.TextChoices):
    GENTLE = "gentle", "gentle"
    PLAIN = "plain", "plain"
    HARD = "hard", "hard"


class Persona(models.Model):
    """A coach by its id (`fitness_coach`). `current` is the version in use from the next turn on."""

    id = models.CharField(primary_key=True, max_length=64, validators=[NAME])
    published = models.BooleanField(default=False)
    current = models.ForeignKey(
        "PersonaVersion", null=True, blank=True, on_delete=models.RESTRICT, related_name="+", editable=False
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in lists, lowest first.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.id


class PersonaVersion(models.Model):
    """What a persona was at one time; never changed, only followed by another."""

    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300)
    instructions = models.TextField(max_length=20_000, help_text="The system prompt; shown to no user.")
    style = models.CharField(max_length=300, blank=True)
    use_case = models.CharField(max_length=300, blank=True)
    example = models.CharField(max_length=500, blank=True)
    tone = models.CharField(max_length=10, choices=Tone, default=Tone.PLAIN)
    starters = models.JSONField(default=list, blank=True, help_text="First messages to offer: a list of sentences.")
    avatar = models.TextField(max_length=20_000, blank=True, help_text="An SVG drawing.")
    accent = models.CharField(max_length=7, default="#3b6fd4", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z")])
    voice = models.CharField(max_length=100, blank=True, help_text="A speech voice, for later.")
    brain = models.CharField(max_length=64, blank=True, help_text="A brain of its own; empty: the active one.")
    script = models.JSONField(default=dict, blank=True, help_text="What it says where no model thinks for it.")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["persona", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["persona", "number"], name="persona_version_number"),
            models.CheckConstraint(condition=models.Q(tone__in=Tone.values), name="persona_version_tone"),
        ]

    def __str__(self) -> str:
        return f"{self.persona_id} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; TypeError for a version that is stored already. (A trigger says the same to SQL.)"""
        if not self._state.adding:
            raise TypeError("A version of a persona never changes; save a new one.")
        super().save(*args, **kwargs)
