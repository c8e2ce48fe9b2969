"""The page at `/`, and its files."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
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
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",
    )
)
"""Nothing inline, nothing from elsewhere; markup is made of text by DOMPurify alone."""

THEME_COOKIE = "coach_theme"
FOREVER = "public, max-age=31536000, immutable"


def page(request: HttpRequest) -> HttpResponse:
    """GET /: the same document for all who speak a language; who they are, the page itself knows."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(("GET", "HEAD"))
    content = _document(request).encode()
    response = HttpResponse(content, content_type="text/html; charset=utf-8")
    response["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if response["ETag"] in request.headers.get("If-None-Match", ""):
        response.status_code, response.content = 304, b""
    elif _takes_gzip(request):
        response.content, response["Content-Encoding"] = compressed(content), "gzip"
    response["Cache-Control"] = "no-cache"
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "same-origin"
    patch_vary_headers(response, ("Accept-Encoding", "Accept-Language", "Cookie"))
    return response


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


def _document(request: HttpRequest) -> str:
    language = languages.wanted(request)
    theme = request.COOKIES.get(THEME_COOKIE, "")
    with override(language.code):
        data = {
            "texts": texts.translated(),
            "language": language.code,
            "languages": [asdict(each) for each in languages.offered()],
            "personas": [asdict(card) for card in catalog.published()],
            "persona": catalog.default_name(),
        }
        shown = {
            "files": assets(),
            "language": language,
            "theme": theme if theme in ("light", "dark") else "auto",
            "data": json_script(data, "data"),  # nothing in it can end the element
        }
        return render_to_string("web/page.html", shown)


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
