"""All paths; what no other path takes gets the JSON 404."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from coach_project import errors, health, scraping

urlpatterns = [
    path("", include("web.urls")),
    path("", include("chat.urls")),
    path("", include("memory.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", scraping.scrape),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema")),
    path(settings.COACH_ADMIN_PATH, RedirectView.as_view(url=f"/{settings.COACH_ADMIN_PATH}/")),
    path(f"{settings.COACH_ADMIN_PATH}/", admin.site.urls),
    re_path(r"", errors.not_found),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
