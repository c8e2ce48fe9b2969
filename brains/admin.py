"""The admin's pages of the brains: the one in use, to switch it, and the record of switches."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from brains import registry, switching
from brains.models import ActiveBrain, BrainSwitch
from problems import Problem

# type-arg: in Django itself, unlike in its stubs, forms and admins are no generic classes.


def _choices() -> list[tuple[str, str]]:
    """Every brain; one that wants something says what."""
    labels = []
    for alias in registry.aliases():
        names = registry.missing(alias)
        labels.append((alias, f"{alias} — {registry.model(alias)}" + (f" (needs {', '.join(names)})" if names else "")))
    return labels


class SwitchForm(forms.ModelForm):  # type: ignore[type-arg]
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
class ActiveBrainAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = SwitchForm
    list_display = ["alias", "model_id", "switched_at"]

    @admin.display(description="model")
    def model_id(self, row: ActiveBrain) -> str:
        return registry.model(row.alias)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActiveBrain]:
        """There is always one row to open."""
        ActiveBrain.objects.get_or_create(id=1, defaults={"alias": switching.active()})
        return super().get_queryset(request)

    def save_model(self, request: HttpRequest, obj: ActiveBrain, form: Any, change: bool) -> None:
        """Through switching, for the record; the row itself is not saved from here."""
        try:
            switching.switch(obj.alias, request.user.get_username())
        except Problem as problem:  # its key went away between the form's check and now
            messages.error(request, problem.message)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ActiveBrain | None = None) -> bool:
        return False


@admin.register(BrainSwitch)
class BrainSwitchAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["at", "who", "from_alias", "to_alias"]
    list_filter = ["to_alias"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BrainSwitch | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BrainSwitch | None = None) -> bool:
        return False
