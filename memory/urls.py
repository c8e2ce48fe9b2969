"""The paths of the memory; none needs a trailing slash."""

from __future__ import annotations

from django.urls import path

from memory import api

urlpatterns = [
    path("user", api.User.as_view()),
    path("user/export", api.UserExport.as_view()),
    path("memory", api.Facts.as_view()),
    path("memory/forget", api.Forget.as_view()),
    path("memory/pause", api.Pause.as_view()),
    path("memory/resume", api.Resume.as_view()),
    path("memory/consent", api.Consent.as_view()),
    path("memory/export", api.Export.as_view()),
    path("memory/<str:fact_id>", api.OneFact.as_view()),
]
