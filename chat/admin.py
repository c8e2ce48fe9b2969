"""Sessions and turns in the admin: for looking, quick whatever the number of rows."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat import sessions
from chat.ids import Kind, inside, outside
from chat.models import Session, Status, Turn, Worker
from chat.paging import BoundedPaginator
from personas.models import Persona
from problems import NotFound

MESSAGES_SHOWN = 200

_until: ContextVar[int | None] = ContextVar("until", default=None)
"""How far a session's page goes: Django gives a field's method no request."""


def _ids(kind: Kind, term: str) -> list[Any]:
    """The UUID that a search term names, as a list."""
    try:
        return [inside(kind, term.strip())]
    except NotFound:
        return []


class Looking(admin.ModelAdmin[Any]):
    """Nothing can be added or changed; pages take a bounded number of rows to count."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they would count whole tables
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")


@admin.register(Session)
class SessionAdmin(Looking):
    list_display = ("session_id", "title", "owner", "persona_id", "message_count", "updated_at")
    list_select_related = ("owner", "head")
    search_fields = ("id",)
    search_help_text = "A session's id, or the beginning of a user's id."
    ordering = ("-updated_at", "-id")
    fields = ("session_id", "title", "owner", "persona_id", "brain", "metadata", "created_at", "updated_at", "messages")
    readonly_fields = ("session_id", "persona_id", "messages")
    list_filter = (("updated_at", admin.DateFieldListFilter), "persona")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).defer("head__text")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        if ids := _ids("session", search_term):
            return queryset.filter(id__in=ids), False
        return queryset.filter(owner__external_id__startswith=search_term), False

    @admin.display(description="session", ordering="id")
    def session_id(self, session: Session) -> str:
        return outside("session", session.id)

    @admin.display(description="messages")
    def message_count(self, session: Session) -> int:
        return session.head.depth + 1 if session.head else 0

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        until = request.GET.get("until", "")
        _until.set(int(until) if until.isascii() and until.isdigit() and len(until) < 10 else None)
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description="messages")
    def messages(self, session: Session) -> SafeString:
        """The current path, oldest first; of a long one the part that ends at depth `until`."""
        newest = session.head.depth if session.head else -1
        asked = _until.get()
        until = newest if asked is None else min(asked, newest)
        first = max(0, until - MESSAGES_SHOWN + 1)
        entries = sessions.path(session, depth=first, limit=max(0, until - first + 1))
        context = {
            "entries": [
                (entry, entry.turn and reverse("admin:chat_turn_change", args=[entry.turn])) for entry in entries
            ],
            "older": first - 1 if first else None,
        }
        return render_to_string("admin/chat/session/messages.html", context)


@admin.register(Turn)
class TurnAdmin(Looking):
    list_display = (
        "turn_id",
        "status",
        "brain",
        "model",
        "fallback",
        "persona",
        "input_tokens",
        "output_tokens",
        "first_token",
        "duration",
        "error",
        "created_at",
    )
    search_fields = ("id",)
    search_help_text = "A turn's or a session's id."
    ordering = ("-created_at", "-id")
    readonly_fields = ("turn_id", "shown_session", "first_token", "duration")
    exclude = ("session", "owner", "user_message", "reply")

    def get_list_filter(self, request: HttpRequest) -> Any:
        return ("status", BrainFilter, PersonaFilter, "fallback", ("created_at", admin.DateFieldListFilter))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        if ids := _ids("session", search_term):
            return queryset.filter(session_id__in=ids), False
        return queryset.filter(id__in=_ids("turn", search_term)), False

    @admin.display(description="turn", ordering="id")
    def turn_id(self, turn: Turn) -> str:
        return outside("turn", turn.id)

    @admin.display(description="session")
    def shown_session(self, turn: Turn) -> SafeString:
        address = reverse("admin:chat_session_change", args=[turn.session_id])
        return format_html('<a href="{}">{}</a>', address, outside("session", turn.session_id))

    @admin.display(description="first token, s")
    def first_token(self, turn: Turn) -> str:
        return f"{(turn.first_token_at - turn.created_at).total_seconds():.2f}" if turn.first_token_at else "–"

    @admin.display(description="duration, s")
    def duration(self, turn: Turn) -> str:
        return f"{(turn.finished_at - turn.created_at).total_seconds():.2f}" if turn.finished_at else "–"


@admin.register(Worker)
class WorkerAdmin(Looking):
    """The server's processes, as of their last sign of life."""

    list_display = ("__str__", "running_turns", "breaker_states", "seen_at")
    ordering = ("host", "pid")
    fields = ("id", "host", "pid", "running_turns", "breaker_states", "seen_at")
    readonly_fields = ("running_turns", "breaker_states")

    @admin.display(description="running turns")
    def running_turns(self, worker: Worker) -> int:
        return Turn.objects.filter(worker=worker.id, status=Status.RUNNING).count()

    @admin.display(description="brains' breakers")
    def breaker_states(self, worker: Worker) -> str:
        return ", ".join(f"{alias}: {state}" for alias, state in worker.breakers.items())


class BrainFilter(admin.SimpleListFilter):
    """By alias, from the settings: the table is not asked which there are."""

    title = "brain"
    parameter_name = "brain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(alias, alias) for alias in settings.BRAINS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(brain=self.value()) if self.value() else queryset


class PersonaFilter(admin.SimpleListFilter):
    """By persona; the ids come from the small table."""

    title = "persona"
    parameter_name = "persona"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Persona.objects.values_list("id", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(persona=self.value()) if self.value() else queryset
