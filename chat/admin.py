"""Sessions and turns in the admin: for looking, quick whatever the number of rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat import amounts, transcripts
from chat.ids import Kind, inside, outside
from chat.models import Session, Status, Turn, Worker
from chat.paging import BoundedPaginator
from chat.transcripts import Transcript
from personas.models import Persona
from problems import NotFound


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

    def found(self, term: str) -> Q:
        """What a search term finds; asked where there are `search_fields`."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset.filter(self.found(search_term)) if search_term else queryset, False


@admin.register(Session)
class SessionAdmin(Looking):
    list_display = ("session_id", "title", "owner", "persona_id", "message_count", "updated_at")
    list_select_related = ("owner", "head")
    search_fields = ("id",)
    search_help_text = "A session's id, or the beginning of a user's id."
    ordering = ("-updated_at", "-id")
    fields = ("session_id", "title", "owner", "persona_id", "brain", "metadata", "created_at", "updated_at")
    readonly_fields = ("session_id", "persona_id")
    change_form_template = "admin/chat/session/change_form.html"
    list_filter = (("updated_at", admin.DateFieldListFilter), "persona")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).defer("head__text")

    def found(self, term: str) -> Q:
        if ids := _ids("session", term):
            return Q(id__in=ids)
        return Q(owner__external_id__startswith=term)

    @admin.display(description="session", ordering="id")
    def session_id(self, session: Session) -> str:
        return outside("session", session.id)

    @admin.display(description="messages")
    def message_count(self, session: Session) -> int:
        return session.head.depth + 1 if session.head else 0

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = request.GET.get("until", "")
        until = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None

        def transcript() -> Transcript | None:
            """Called by the template: after the permission was checked."""
            session = self.get_queryset(request).select_related("head").filter(id=object_id).first()
            return transcripts.transcript(session, request.GET.get("at", ""), until) if session else None

        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "transcript": transcript})


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
        "shown_cost",
        "first_token",
        "duration",
        "error",
        "created_at",
    )
    search_fields = ("id",)
    search_help_text = "A turn's or a session's id."
    ordering = ("-created_at", "-id")
    readonly_fields = ("turn_id", "shown_session", "first_token", "duration", "shown_cost")
    exclude = ("session", "owner", "user_message", "reply", "cost")

    def get_list_filter(self, request: HttpRequest) -> Any:
        return ("status", BrainFilter, PersonaFilter, "fallback", ("created_at", admin.DateFieldListFilter))

    def found(self, term: str) -> Q:
        if ids := _ids("session", term):
            return Q(session_id__in=ids)
        return Q(id__in=_ids("turn", term))

    @admin.display(description="turn", ordering="id")
    def turn_id(self, turn: Turn) -> str:
        return outside("turn", turn.id)

    @admin.display(description="session")
    def shown_session(self, turn: Turn) -> SafeString:
        address = reverse("admin:chat_session_change", args=[turn.session_id])
        return format_html('<a href="{}">{}</a>', address, outside("session", turn.session_id))

    @admin.display(description="cost")
    def shown_cost(self, turn: Turn) -> str:
        return amounts.dollars(turn.cost)

    @admin.display(description="first token")
    def first_token(self, turn: Turn) -> str:
        return amounts.seconds(turn.first_token_ms)

    @admin.display(description="duration")
    def duration(self, turn: Turn) -> str:
        return amounts.seconds(turn.duration_ms)


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
