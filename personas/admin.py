"""Personas in the admin: what is edited is the current version's content; each save makes the next version."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import close_old_connections
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from brains import registry, switching
from personas import rehearsal, versions
from personas.catalog import DEFAULT
from personas.content import NAMES, PersonaContent, content_of
from personas.instructions import system_blocks
from personas.models import Persona, PersonaVersion, Tone
from problems import Invalid, MethodNotAllowed, NotFound

WIDE = forms.Textarea(attrs={"rows": 4, "cols": 100})


class PersonaForm(forms.ModelForm[Persona]):
    """The persona's own fields and its current content."""

    name = forms.CharField(max_length=100)
    description = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"size": 80}))
    instructions = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 24, "cols": 100}), help_text="The system prompt."
    )
    style = forms.CharField(required=False, widget=forms.TextInput(attrs={"size": 80}))
    use_case = forms.CharField(required=False, widget=forms.TextInput(attrs={"size": 80}))
    example = forms.CharField(required=False, widget=forms.TextInput(attrs={"size": 80}))
    tone = forms.ChoiceField(choices=Tone.choices, initial=Tone.PLAIN)
    starters = forms.CharField(required=False, widget=WIDE, help_text="First messages to offer, one a line.")
    avatar = forms.CharField(required=False, widget=WIDE, help_text="A bare SVG of plain shapes.")
    accent = forms.CharField(initial="#3b6fd4", widget=forms.TextInput(attrs={"type": "color"}))
    voice = forms.CharField(required=False, help_text="A speech voice, for later.")
    brain = forms.CharField(required=False, help_text="The alias of a brain of its own; empty: the active one.")
    script = forms.JSONField(
        required=False, widget=forms.Textarea(attrs={"rows": 12, "cols": 100}), help_text="What the config brain says."
    )
    note = forms.CharField(required=False, max_length=200, help_text="What this change is about.")

    class Meta:
        model = Persona
        fields = ["id", "position"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.current:
            now = versions.content(self.instance.current).as_dict()
            now["starters"] = "\n".join(now["starters"])
            self.initial = {**now, **self.initial}

    def clean_starters(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["starters"].splitlines() if line.strip()]

    def clean_script(self) -> dict[str, Any]:
        return self.cleaned_data["script"] or {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        values = {name: cleaned[name] for name in NAMES if name in cleaned}
        if not self.errors:
            try:
                cleaned["content"] = content_of(values)
            except Invalid as problem:
                for name, sentences in problem.fields.items():
                    self.add_error(name if name in self.fields else None, sentences)
        return cleaned


@admin.register(Persona)
class PersonaAdmin(admin.ModelAdmin[Persona]):
    form = PersonaForm
    list_display = ("id", "shown_name", "published", "version", "shown_tone", "position", "updated_at")
    list_filter = ("published",)
    list_select_related = ("current",)
    search_fields = ("id",)
    actions = ("publish", "unpublish")
    change_form_template = "admin/personas/persona/change_form.html"

    @admin.display(description="name")
    def shown_name(self, persona: Persona) -> str:
        return persona.current.name if persona.current else "–"

    @admin.display(description="tone")
    def shown_tone(self, persona: Persona) -> str:
        return persona.current.tone if persona.current else "–"

    @admin.display(description="version")
    def version(self, persona: Persona) -> str:
        if not persona.current:
            return "–"
        address = reverse("admin:personas_persona_versions", args=[persona.id])
        return format_html('<a href="{}">{}</a>', address, persona.current.number)

    def get_readonly_fields(self, request: HttpRequest, persona: Persona | None = None) -> tuple[str, ...]:
        return ("id",) if persona else ()

    def has_delete_permission(self, request: HttpRequest, persona: Persona | None = None) -> bool:
        return super().has_delete_permission(request, persona) and (persona is None or persona.id != DEFAULT)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A persona goes with its versions, which by themselves nobody deletes."""
        found, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(forbidden) - {str(PersonaVersion._meta.verbose_name)}, protected

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # One by one, so that the default persona is guarded.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def save_model(self, request: HttpRequest, persona: Persona, form: Any, change: bool) -> None:
        content: PersonaContent = form.cleaned_data["content"]
        super().save_model(request, persona, form, change)
        version = versions.save(persona.id, content, request.user.get_username(), form.cleaned_data["note"])
        persona.current = version
        self.message_user(request, f"Version {version.number} is in use from the next turn on.")

    @admin.action(description="Publish", permissions=["change"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Persona]) -> None:
        self._each(request, chosen, "published", versions.publish)

    @admin.action(description="Unpublish", permissions=["change"])
    def unpublish(self, request: HttpRequest, chosen: QuerySet[Persona]) -> None:
        self._each(request, chosen, "unpublished", versions.unpublish)

    def _each(self, request: HttpRequest, chosen: QuerySet[Persona], word: str, change: Any) -> None:
        for persona in chosen:
            try:
                change(persona.id)
            except Invalid as problem:
                self.message_user(request, problem.message, messages.ERROR)
            else:
                self.message_user(request, f"{persona.id}: {word}.")

    # --- Workshop: versions, preview, rehearsal -----------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("rehearse/", view(self.rehearse_view), name="personas_persona_rehearse"),
            path("<str:name>/publish/", view(self.publish_view), name="personas_persona_publish"),
            path("<str:name>/versions/", view(self.versions_view), name="personas_persona_versions"),
            path("<str:name>/preview/", view(self.preview_view), name="personas_persona_preview"),
            *super().get_urls(),
        ]

    def versions_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """All versions, the difference between two, and the way back to one (POST)."""
        persona = self._allowed(request, name)
        if request.method == "POST":
            made = versions.roll_back(name, _number(request.POST.get("number")), request.user.get_username())
            self.message_user(request, f"Version {made.number} says what version {request.POST['number']} said.")
            return HttpResponseRedirect(request.path)
        every = list(persona.versions.order_by("-number"))
        by_number = {version.number: version for version in every}
        newest = every[0].number if every else 0
        new = by_number.get(_number(request.GET.get("new"), newest))
        old = by_number.get(_number(request.GET.get("old"), newest - 1))
        changes = versions.difference(old, new) if old and new else []
        context = {"persona": persona, "versions": every, "old": old, "new": new, "changes": changes}
        context["may_change"] = self.has_change_permission(request, persona)
        return self._page(request, "versions", f"Versions of {name}", context)

    def publish_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """POST `published`: `yes` or `no`; back to the persona."""
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        self._allowed(request, name)
        chosen = Persona.objects.filter(id=name)
        if request.POST.get("published") == "yes":
            self.publish(request, chosen)
        else:
            self.unpublish(request, chosen)
        return HttpResponseRedirect(reverse("admin:personas_persona_change", args=[name]))

    def rehearse_view(self, request: HttpRequest) -> HttpResponseBase:
        """POST the form's fields with a message; the reply as an event stream. Nothing is stored."""
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        asked = rehearsal.asked({name: str(value) for name, value in request.POST.items()})
        close_old_connections()  # the pool's few are not for a stream to hold
        return StreamingHttpResponse(
            rehearsal.frames(asked),
            content_type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the brains that a rehearsal may ask, and what each lacks."""
        brains = [(alias, registry.model(alias), ", ".join(registry.missing(alias))) for alias in registry.aliases()]
        context |= {"rehearsal_brains": brains, "active_brain": switching.active()}
        return super().render_change_form(request, context, *args, **kwargs)

    def preview_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The prompt as a brain gets it."""
        persona = self._allowed(request, name)
        language = request.GET.get("language", "")[:35]
        blocks = system_blocks(persona.current.instructions, language) if persona.current else ()
        script = json.dumps(persona.current.script, indent=2, ensure_ascii=False) if persona.current else ""
        context = {"persona": persona, "blocks": blocks, "language": language, "script": script}
        return self._page(request, "preview", f"What {name} is told", context)

    def _page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        shown = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/personas/persona/{template}.html", shown)

    def _allowed(self, request: HttpRequest, name: str) -> Persona:
        persona = Persona.objects.select_related("current").filter(id=name).first()
        if persona is None:
            raise NotFound(f"There is no persona {name}.")
        allowed = self.has_change_permission if request.method == "POST" else self.has_view_permission
        if not allowed(request, persona):
            raise PermissionDenied
        return persona


def _number(text: str | None, otherwise: int = 0) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


@admin.register(PersonaVersion)
class PersonaVersionAdmin(admin.ModelAdmin[PersonaVersion]):
    """For looking only."""

    list_display = ("persona", "number", "name", "created_at", "created_by", "note")
    list_filter = ("persona",)
    list_select_related = ("persona",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, version: PersonaVersion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, version: PersonaVersion | None = None) -> bool:
        return False
