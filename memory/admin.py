"""Facts and profiles in the admin: for looking. Who may delete deletes a fact as its owner would."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chat.admin import Looking
from chat.ids import inside, outside
from memory import facts, reading
from memory.models import Fact, Profile
from problems import NotFound


@admin.register(Fact)
class FactAdmin(Looking):
    list_display = ("fact_id", "owner", "kind", "slot", "text", "live", "pinned", "origin", "said_in", "created_at")
    list_select_related = ("owner", "message")
    list_filter = (
        "kind",
        ("valid_to", admin.EmptyFieldListFilter),
        "origin",
        "pinned",
        ("created_at", admin.DateFieldListFilter),
    )
    search_fields = ("id",)
    search_help_text = "A fact's id, or the beginning of a user's id."
    ordering = ("-id",)
    fields = (
        "fact_id",
        "owner",
        "kind",
        "slot",
        "text",
        "quote",
        "said_in",
        "origin",
        "confidence",
        "valid_from",
        "valid_to",
        "superseded",
        "replaces",
        "pinned",
        "created_at",
        "updated_at",
    )
    readonly_fields = ("fact_id", "said_in", "superseded", "replaces")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fact]:
        return super().get_queryset(request).select_related("owner", "message").defer("message__text")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("memory.delete_fact")

    def delete_model(self, request: HttpRequest, obj: Fact) -> None:
        """With a tombstone, so that it does not come back."""
        facts.delete(Fact.objects.filter(id=obj.id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Fact]) -> None:
        facts.delete(Fact.objects.filter(id__in=list(queryset.values_list("id", flat=True))))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(id=inside("fact", search_term.strip())), False
        except NotFound:
            return queryset.filter(owner__external_id__startswith=search_term), False

    @admin.display(description="fact", ordering="id")
    def fact_id(self, fact: Fact) -> str:
        return outside("fact", fact.id)

    @admin.display(description="live", boolean=True)
    def live(self, fact: Fact) -> bool:
        return fact.valid_to is None

    @admin.display(description="said in")
    def said_in(self, fact: Fact) -> SafeString | str:
        """The session of the message that it is from."""
        if fact.message is None:
            return "–"
        address = reverse("admin:chat_session_change", args=[fact.message.session_id])
        return format_html('<a href="{}">{}</a>', address, outside("session", fact.message.session_id))

    @admin.display(description="superseded by")
    def superseded(self, fact: Fact) -> SafeString | str:
        return _link(fact.superseded_by_id, "") if fact.superseded_by_id else "–"

    @admin.display(description="replaces")
    def replaces(self, fact: Fact) -> SafeString | str:
        lines = ((_link(one.id, f" until {one.valid_to}: {one.text}"),) for one in reading.before(fact))
        return format_html_join("", "<div>{}</div>", lines) or "–"


def _link(fact: Any, more: str) -> SafeString:
    address = reverse("admin:memory_fact_change", args=[fact])
    return format_html('<a href="{}">{}</a>{}', address, outside("fact", fact), more)


@admin.register(Profile)
class ProfileAdmin(Looking):
    """What owners want of the memory."""

    list_display = ("owner", "paused", "health", "live_facts", "forgotten_at")
    list_select_related = ("owner",)
    list_filter = ("paused", "health", ("forgotten_at", admin.EmptyFieldListFilter))
    search_fields = ("owner",)
    search_help_text = "The beginning of a user's id."
    ordering = ("-owner",)
    fields = ("owner", "paused", "health", "forgotten_at", "live_facts")
    readonly_fields = ("live_facts",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        live = Fact.objects.filter(owner=OuterRef("owner"), valid_to=None).order_by().values("owner")
        counted = Subquery(live.annotate(number=Count("id")).values("number"), output_field=IntegerField())
        found: QuerySet[Any] = (
            super().get_queryset(request).select_related("owner").annotate(facts=Coalesce(counted, 0))
        )
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        return queryset.filter(owner__external_id__startswith=search_term), False

    @admin.display(description="live facts")
    def live_facts(self, profile: Any) -> int:
        return int(profile.facts)
