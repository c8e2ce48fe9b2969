"""Owners in the admin, for looking."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from identity.models import Owner


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
