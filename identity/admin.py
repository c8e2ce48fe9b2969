"""Owners in the admin, for looking; and the keys of apps, to make and to revoke."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from identity import keys
from identity.callers import SCOPES
from identity.models import ApiKey, Owner


@admin.register(Owner)
class OwnerAdmin(admin.ModelAdmin[Owner]):
    list_display = ("external_id", "app", "language", "time_zone", "created_at")
    search_fields = ("external_id",)
    search_help_text = "The beginning of the app's id for its user."
    show_full_result_count = False
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, owner: Owner | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Owner], search_term: str
    ) -> tuple[QuerySet[Owner], bool]:
        return queryset.filter(external_id__startswith=search_term) if search_term else queryset, False


class KeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope} — {what}") for scope, what in SCOPES.items()], widget=forms.CheckboxSelectMultiple
    )
    expires_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime, help_text="Empty: never.")

    class Meta:
        model = ApiKey
        fields = ("name", "app", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """A key's text is shown once, in the message after it was made. What a key may is not changed: make another."""

    form = KeyForm
    list_display = ("name", "id", "app", "scopes", "state", "last_used_at", "expires_at")
    search_fields = ("name", "app")
    ordering = ("-created_at",)
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, key: ApiKey | None = None) -> tuple[str, ...]:
        return (
            ("id", "name", "app", "scopes", "expires_at", "state", "created_at", "last_used_at", "revoked_at")
            if key
            else ()
        )

    def get_fields(self, request: HttpRequest, key: ApiKey | None = None) -> tuple[str, ...]:
        return self.get_readonly_fields(request, key) or ("name", "app", "scopes", "expires_at")

    def has_delete_permission(self, request: HttpRequest, key: ApiKey | None = None) -> bool:
        return False  # what it did stays in the records under its name

    def save_model(self, request: HttpRequest, key: ApiKey, form: Any, change: bool) -> None:
        if change:
            return
        made, text = keys.make(key.name, key.app, key.scopes, key.expires_at)
        key.id, key.digest = made.id, made.digest
        key.created_at = made.created_at
        self.message_user(request, f"This is the key; it is shown only now: {text}", messages.WARNING)

    @admin.action(description="Revoke the chosen keys", permissions=["change"])
    def revoke(self, request: HttpRequest, found: QuerySet[ApiKey]) -> None:
        count = found.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{count} revoked; refused from now on.")
