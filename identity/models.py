"""Whose data it is, and the keys of apps."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

LOGIN_APP = "login"
"""The app of those who logged in on this server's own page."""

MAIN_APP = "main"
"""The app where nothing else is said: of keys, and of an identity provider's tokens."""

APP_NAME = RegexValidator(
    r"^(?!login$)[a-z0-9][a-z0-9_.-]{0,99}\Z", "Small letters, digits, _ . and -; and not “login”."
)


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


class RequestCount(models.Model):
    """Requests of a caller in a minute since 1970 (identity.rates). Not logged: a crash forgets the counts of that minute."""

    subject = models.CharField(max_length=64, help_text="SHA-256 of who is counted, in hex.")
    minute = models.BigIntegerField()
    count = models.PositiveIntegerField()

    pk = models.CompositePrimaryKey("subject", "minute")

    def __str__(self) -> str:
        return f"{self.count} in {self.minute}"


class ApiKey(models.Model):
    """A key of an app. Its text is shown once, when it is made; what is kept can't be turned back into it."""

    id = models.CharField(primary_key=True, max_length=16, editable=False)
    name = models.CharField(max_length=100, unique=True, help_text="What it is for.")
    app = models.CharField(
        max_length=100,
        default=MAIN_APP,
        validators=[APP_NAME],
        help_text="Whose users it reaches: keys of one app share them.",
    )
    scopes = ArrayField(models.CharField(max_length=20))
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="To the minute.")

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    def state(self) -> str:
        """`good`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "good"
