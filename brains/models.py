"""Which brain thinks now, and who changed it."""

from __future__ import annotations

from django.db import models


class ActiveBrain(models.Model):
    """The alias in use: one row. Without the row, COACH_BRAIN is active."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    alias = models.CharField(max_length=64)
    switched_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "active brain"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_active_brain")]

    def __str__(self) -> str:
        return self.alias


class BrainSwitch(models.Model):
    """One switch, for the record: when, who, from, to. `who` is a string: brains knows no callers."""

    at = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=200)
    from_alias = models.CharField("from", max_length=64)
    to_alias = models.CharField("to", max_length=64)

    class Meta:
        verbose_name = "brain switch"
        verbose_name_plural = "brain switches"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.from_alias} → {self.to_alias}"
