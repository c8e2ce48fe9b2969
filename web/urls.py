"""Paths of the page."""

from __future__ import annotations

from django.urls import path

from web import views

urlpatterns = [
    path("", views.page, name="page"),
    path("page/<str:name>", views.asset, name="asset"),
]
