"""Whose data it is."""

from __future__ import annotations

from django.db import models


class Owner(models.Model):
    """An app, and that app's own id for its user. Every session, memory and limit has one.

    In `open` mode the app is the empty string.
    """

    app = models.CharField(max_length=100, blank=True, default="")
    external_id = models.CharField("user id", max_length=200)
    language = models.CharField(max_length=35, blank=True, default="", help_text="BCP 47, as `nb-NO`.")
    time_zone = models.CharField(max_length=64, blank=True, default="", help_text="IANA name, as `Europe/Oslo`.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["external_id"], opclasses=["varchar_pattern_ops"], name="owner_by_id_or_prefix")
        ]
        constraints = [
            models.UniqueConstraint(fields=["app", "external_id"], name="owner_is_an_app_and_its_id"),
            models.CheckConstraint(condition=~models.Q(external_id=""), name="owner_has_an_id"),
        ]

    def __str__(self) -> str:
        return f"{self.app}/{self.external_id}" if self.app else self.external_id
