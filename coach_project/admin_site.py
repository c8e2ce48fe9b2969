"""The admin: Django's, with the dashboard at its front for those who may look at turns."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from chat import dashboard
from web import views


class CoachAdminSite(AdminSite):
    site_header = site_title = "Coach"
    index_title = "What your coaches do"
    index_template = "admin/chat/dashboard.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With the scripts that draw replies as the page does: the rooms below know no page, and ask for them by this name."""
        files = views.assets()
        names = [files.libraries.name, files.reading.name]
        return {**super().each_context(request), "reading": [f"/page/{name}" for name in names]}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        shown = dashboard.page(request.GET, timezone.now()) if request.user.has_perm("chat.view_turn") else None
        return super().index(request, {"dashboard": shown, **(extra_context or {})})
