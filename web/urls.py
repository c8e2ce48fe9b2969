"""Paths of the page."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from web import views

urlpatterns = [
    path("", views.page, name="page"),
    path("login", views.Login.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("page/<str:name>", views.asset, name="asset"),
]
