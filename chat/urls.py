"""The paths of the API; none needs a trailing slash."""

from __future__ import annotations

from django.urls import path

from chat import api, holds, stream

urlpatterns = [
    path("chat/start", api.Start.as_view()),
    path("chat/stream", stream.stream),
    path("chat/message", stream.message),
    path("chat/sessions", api.Sessions.as_view()),
    path("chat/sessions/<str:session_id>", api.OneSession.as_view()),
    path("chat/sessions/<str:session_id>/clear", api.ClearSession.as_view()),
    path("chat/sessions/<str:session_id>/export", api.ExportSession.as_view()),
    path("chat/turns/<str:turn_id>", api.OneTurn.as_view()),
    path("chat/turns/<str:turn_id>/manifest", api.TurnManifest.as_view()),
    path("chat/turns/<str:turn_id>/stream", stream.join),
    path("chat/turns/<str:turn_id>/stop", stream.stop),
    path("chat/messages/<str:message_id>", api.OneMessage.as_view()),
    path("chat/messages/<str:message_id>/regenerate", stream.regenerate),
    path("chat/messages/<str:message_id>/edit", stream.edit),
    path("chat/personas", api.Personas.as_view()),
    path("user/safety", holds.UserSafety.as_view()),
    path("brain/health", stream.brain_health),
    path("brain/switch", api.SwitchBrain.as_view()),
]
