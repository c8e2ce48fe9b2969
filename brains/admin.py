"""The admin's pages of the brains: the one in use, to switch it, and the record of switches."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from brains import registry, switching
from brains.models import ActiveBrain, BrainSwitch
from problems import Problem


def _choices() -> list[tuple[str, str]]:
    """Every brain; one that wants something says what."""
    labels = []
    for alias in registry.aliases():
        names = registry.missing(alias)
        labels.append((alias, f"{alias} — {registry.model(alias)}" + (f" (needs {', '.join(names)})" if names else "")))
    return labels


class SwitchForm(forms.ModelForm[ActiveBrain]):
    """Choosing another brain; refused as switching.switch would refuse it."""

    alias = forms.ChoiceField(label="brain", choices=_choices, widget=forms.RadioSelect)

    class Meta:
        model = ActiveBrain
        fields = ["alias"]

    def clean_alias(self) -> str:
        alias = str(self.cleaned_data["alias"])
        if names := registry.missing(alias):
            raise forms.ValidationError(registry.needs(alias, names))
        return alias


@admin.register(ActiveBrain)
class ActiveBrainAdmin(admin.ModelAdmin[ActiveBrain]):
    """One page: which brain it is, and the choice of another. Until the first switch there is no row behind it."""

    form = SwitchForm

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("admin:brains_activebrain_change", 1)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ActiveBrain | None:
        return ActiveBrain(id=1, alias=switching.active()) if object_id == "1" else None

    def save_model(self, request: HttpRequest, obj: ActiveBrain, form: Any, change: bool) -> None:
        """Through switching, for the record; the row is not saved from here."""
        try:
            switching.switch(obj.alias, request.user.get_username())
        except Problem as problem:  # its key went away between the form's check and now
            messages.error(request, problem.message)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ActiveBrain | None = None) -> bool:
        return False


@admin.register(BrainSwitch)
class BrainSwitchAdmin(admin.ModelAdmin[BrainSwitch]):
    list_display = ["at", "who", "from_alias", "to_alias"]
    list_filter = ["to_alias"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BrainSwitch | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BrainSwitch | None = None) -> bool:
        return False
