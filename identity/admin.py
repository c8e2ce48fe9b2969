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
from identity.models import ApiKey, Budget, Owner, Spending
from identity.quotas import subject


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


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin[Budget]):
    """Budgets hold from the next turn on."""

    list_display = ("__str__", "app", "tokens", "cost", "today")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    ordering = ("whose", "app", "id")
    list_per_page = 50

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With what is spent and reserved today of each that is one spender's, found at once."""
        changelist = super().get_changelist_instance(request)
        shown = {budget: _spender(budget) for budget in changelist.result_list}
        drawn = Spending.objects.filter(day=timezone.now().date(), subject__in=filter(None, shown.values()))
        found = {each.subject: each for each in drawn}
        for budget, spender in shown.items():
            budget.drawn = found.get(spender or "")
        return changelist

    @admin.display(description="spent and reserved today (UTC)")
    def today(self, budget: Budget) -> str:
        if _spender(budget) is None:
            return "by each"
        drawn: Spending | None = getattr(budget, "drawn", None)
        return f"{drawn.tokens:,} tokens, {drawn.cost:.4f} USD" if drawn else "nothing"


def _spender(budget: Budget) -> str | None:
    """Under which name it is counted, where it is of one."""
    if budget.user:
        return subject(budget.user.app, budget.user.external_id)
    return subject(budget.app) if budget.whose == Budget.Whose.APP and budget.app else None


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
