"""Versions of the rules, and users who are answered gently for a while."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from safety.rules import Rules


def sound(content: Any) -> None:
    """Raises ValidationError for what is no set of rules."""
    try:
        Rules(content if isinstance(content, dict) else {})
    except ValueError as error:
        raise ValidationError(str(error)) from error


class RuleSet(models.Model):
    """A version of the rules; never changed, only followed by another. Where none is in use, the delivered one is."""

    content = models.JSONField("rules", validators=[sound])
    in_use = models.BooleanField(default=False, editable=False)
    note = models.CharField(max_length=200, blank=True, help_text="What is different, and who reviewed it.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = "set of rules"
        verbose_name_plural = "sets of rules"
        constraints = [
            models.UniqueConstraint(fields=["in_use"], condition=models.Q(in_use=True), name="one_rule_set_in_use")
        ]

    def __str__(self) -> str:
        return f"rules v{self.pk}"


class Hold(models.Model):
    """From a rule's finding until somebody clears it, coaches of hard tone answer this user through the gentle one.

    Of those who gave no id it holds for the one session.
    """

    owner = models.ForeignKey("identity.Owner", on_delete=models.CASCADE, related_name="+")
    session = models.UUIDField(editable=False, help_text="In which it was found.")
    rule = models.CharField(max_length=40)
    since = models.DateTimeField(auto_now_add=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_by = models.CharField(max_length=200, blank=True, db_default="", default="", help_text="Empty: the user.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "session"], condition=models.Q(cleared_at=None), name="one_open_hold_of_a_session"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} of {self.owner_id}"
