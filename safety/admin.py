"""Versions of the rules, to write and to put into use; and users who are answered gently, to clear."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from safety.models import Hold, RuleSet
from safety.rules import delivered_content


class Pretty(json.JSONEncoder):
    """An object a page wide, in its own letters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2, "ensure_ascii": False})


class RuleSetForm(forms.ModelForm[RuleSet]):
    content = forms.JSONField(
        label="Rules",
        encoder=Pretty,
        widget=forms.Textarea(attrs={"rows": 40, "cols": 120, "spellcheck": "false"}),
        help_text="Written anew as a version of its own; it is in use once you say so in the list.",
    )

    class Meta:
        model = RuleSet
        fields = ("content", "note")


@admin.register(RuleSet)
class RuleSetAdmin(admin.ModelAdmin[RuleSet]):
    form = RuleSetForm
    list_display = ("__str__", "in_use", "note", "created_at", "created_by")
    ordering = ("-id",)
    actions = ("use", "use_delivered")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version begins as the one in use."""
        used = RuleSet.objects.filter(in_use=True).first()
        return {"content": used.content if used else delivered_content()}

    def has_change_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RuleSet, form: forms.ModelForm[RuleSet], change: bool) -> None:
        obj.created_by = request.user.get_username()
        super().save_model(request, obj, form, change)

    @admin.action(description="Put the chosen version into use", permissions=["change"])
    def use(self, request: HttpRequest, chosen: QuerySet[RuleSet]) -> None:
        if len(chosen) != 1:
            self.message_user(request, "Choose one version.", messages.ERROR)
            return
        with transaction.atomic():
            RuleSet.objects.filter(in_use=True).update(in_use=False)
            chosen.update(in_use=True)
        self.message_user(request, f"{chosen.get()} is in use from the next turn on.")

    @admin.action(description="Use the delivered rules", permissions=["change"])
    def use_delivered(self, request: HttpRequest, chosen: QuerySet[RuleSet]) -> None:
        RuleSet.objects.filter(in_use=True).update(in_use=False)
        self.message_user(request, "The delivered rules are in use from the next turn on.")


@admin.register(Hold)
class HoldAdmin(admin.ModelAdmin[Hold]):
    """Who is answered gently, and why; cleared after a human has looked."""

    list_display = ("owner", "rule", "since", "cleared_at", "cleared_by")
    list_filter = ("rule", ("cleared_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    ordering = ("-id",)
    actions = ("clear",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Hold | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    @admin.action(description="Clear: their coaches answer again as they are", permissions=["change"])
    def clear(self, request: HttpRequest, chosen: QuerySet[Hold]) -> None:
        cleared = chosen.filter(cleared_at=None).update(
            cleared_at=timezone.now(), cleared_by=request.user.get_username()
        )
        self.message_user(request, f"{cleared} cleared.")
