"""What a browser may do with an answer: the Content-Security-Policy of the admin and of the documentation page.

The chat page brings its own (web.views), and coach_project.doors gives the strictest to all else: JSON loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

SWAGGER_STYLE = "sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0="
"""Of the few lines of style that stand in drf-spectacular's page."""

ADMIN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCS = (
    f"default-src 'none'; script-src 'self'; style-src 'self' '{SWAGGER_STYLE}'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Policies:
    """Django middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._admin = f"/{settings.COACH_ADMIN_PATH}/"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.path.startswith(self._admin):
            response.setdefault("Content-Security-Policy", ADMIN)
        elif request.path == "/api/docs":
            response.setdefault("Content-Security-Policy", DOCS)
        return response
