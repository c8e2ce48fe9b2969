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


class Budget(models.Model):
    """What turns may spend in a day (UTC). Of several for a user, or for an app, the most particular one holds."""

    class Whose(models.TextChoices):
        USER = "user", "each of the users"
        APP = "app", "all users of an app together"

    whose = models.CharField(max_length=4, choices=Whose, default=Whose.USER)
    app = models.CharField(max_length=100, blank=True, default="", help_text="Empty: of every app, each by itself.")
    user = models.ForeignKey(
        Owner,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        help_text="This one alone, whatever the app. Empty: each.",
    )  # the database's own constraint takes it away with the user
    tokens = models.PositiveBigIntegerField(null=True, blank=True, help_text="A day, read and said. Empty: any number.")
    cost = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, help_text="USD a day. Empty: any amount."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["whose", "app", "user"], nulls_distinct=False, name="budget_once"),
            models.CheckConstraint(
                condition=models.Q(user=None) | models.Q(whose="user", app=""),
                name="budget_of_a_user_is_of_no_app",
                violation_error_message="A budget of one user names no app, and is of the user.",
            ),
            models.CheckConstraint(
                condition=models.Q(tokens__isnull=False) | models.Q(cost__isnull=False),
                name="budget_says_how_much",
                violation_error_message="Say how many tokens, or how much.",
            ),
            models.CheckConstraint(condition=models.Q(cost=None) | models.Q(cost__gte=0), name="budget_cost"),
        ]

    def __str__(self) -> str:
        if self.user:
            return f"of {self.user}"
        return f"{self.get_whose_display()}{f', {self.app}' if self.app else ''}"


class Spending(models.Model):
    """What turns of a user or an app have spent in a day, and have reserved while they run; where a budget asks for it."""

    subject = models.CharField(max_length=64, help_text="SHA-256 of whose it is, in hex (identity.quotas).")
    day = models.DateField()
    tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=12)

    pk = models.CompositePrimaryKey("subject", "day")

    def __str__(self) -> str:
        return f"{self.tokens} on {self.day}"


class Reservation(models.Model):
    """What a running turn may spend at most, in the Spending of a subject, until its end says what it was.

    No key to the turn: one that is deleted while it runs has spent something all the same.
    """

    turn = models.UUIDField()
    subject = models.CharField(max_length=64)
    day = models.DateField()
    made_at = models.DateTimeField()
    tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=12)
    input_tokens = models.BigIntegerField(help_text="Of its prompt, estimated.")
    input_cost = models.DecimalField(max_digits=24, decimal_places=12)
    output_cost = models.DecimalField(max_digits=24, decimal_places=12, help_text="USD a token of its reply.")

    pk = models.CompositePrimaryKey("turn", "subject")

    def __str__(self) -> str:
        return str(self.turn)


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
