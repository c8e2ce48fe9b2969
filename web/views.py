"""The page at `/`, and its files."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.html import json_script
from django.utils.translation import override

from personas import catalog
from problems import MethodNotAllowed, NotFound
from web import languages, texts
from web.assets import Asset, Assets, compressed, kept, made

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",
    )
)
"""Nothing inline, nothing from elsewhere; markup is made of text by DOMPurify alone."""

THEME_COOKIE = "coach_theme"
FOREVER = "public, max-age=31536000, immutable"


def page(request: HttpRequest) -> HttpResponse:
    """GET /: in `open` mode the same document for all who speak a language, else that of the one who has logged in."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(("GET", "HEAD"))
    user = ""
    if settings.COACH_AUTH != "open":
        if not request.user.is_authenticated:
            return redirect_to_login("/")
        user = request.user.get_username()
        get_token(request)  # sets the cookie that the page answers with
    content = _document(request, user).encode()
    response = HttpResponse(content, content_type="text/html; charset=utf-8")
    response["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if response["ETag"] in request.headers.get("If-None-Match", ""):
        response.status_code, response.content = 304, b""
    elif _takes_gzip(request):
        response.content, response["Content-Encoding"] = compressed(content), "gzip"
    response["Cache-Control"] = "private, no-cache" if user else "no-cache"
    _guard(response)
    return response


class Login(LoginView):
    """GET, POST /login: for those who use this server's own page."""

    template_name = "web/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with override(languages.wanted(request).code):
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, TemplateResponse):
                response.render()
        _guard(response)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **_frame(self.request)}


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """What django-axes answers with where a login was tried too often, here or in the admin."""
    with override(languages.wanted(request).code):
        content = render_to_string("web/login.html", {**_frame(request), "locked": True}, request)
    wait = int(settings.AXES_COOLOFF_TIME.total_seconds())
    response = HttpResponse(content, status=429, headers={"Retry-After": str(wait)})
    _guard(response)
    return response


def _guard(response: HttpResponseBase) -> None:
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "same-origin"
    patch_vary_headers(response, ("Accept-Encoding", "Accept-Language", "Cookie"))


async def asset(request: HttpRequest, name: str) -> HttpResponseBase:
    """GET /page/<name>: a file of the page, whose name changes with it. Raises NotFound."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(("GET", "HEAD"))
    found = assets().named(name)
    if found is None:
        raise NotFound
    return _file(found, packed=_takes_gzip(request))


def assets() -> Assets:
    return made() if settings.DEBUG else kept()


def _frame(request: HttpRequest) -> dict[str, Any]:
    """What each of the page's documents is drawn with."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "files": assets(),
        "language": languages.wanted(request),
        "theme": theme if theme in ("light", "dark") else "auto",
    }


def _document(request: HttpRequest, user: str) -> str:
    language = languages.wanted(request)
    with override(language.code):
        data = {
            "texts": texts.translated(),
            "language": language.code,
            "personas": [asdict(card) for card in catalog.published()],
            "persona": catalog.default_name(),
            "user": user,
        }
        told = json_script(data, "data")  # nothing in it can end the element
        frame = {**_frame(request), "languages": languages.offered(), "kinds": texts.kinds()}
        return render_to_string("web/page.html", {**frame, "data": told, "user": user})


def _takes_gzip(request: HttpRequest) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _file(found: Asset, *, packed: bool) -> HttpResponse:
    response = HttpResponse(found.compressed if packed else found.content, content_type=found.media_type)
    if packed:
        response["Content-Encoding"] = "gzip"
    response["Cache-Control"] = FOREVER
    response["Vary"] = "Accept-Encoding"
    response["X-Content-Type-Options"] = "nosniff"
    return response
