"""Which language the page speaks: one that there is a catalog for. A new one is a folder in `web/locale`, nothing else."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info, get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from web.assets import HERE

COOKIE = "coach_language"


@dataclass(frozen=True, slots=True)
class Language:
    code: str
    name: str
    """In the language itself."""
    direction: str
    """`ltr` or `rtl`."""


@functools.cache
def offered() -> tuple[Language, ...]:
    """English first, then those with a catalog, by their names."""
    codes = sorted(
        folder.name for folder in (HERE / "locale").glob("*") if (folder / "LC_MESSAGES" / "django.mo").exists()
    )
    found = [_language(code.replace("_", "-").lower()) for code in codes]
    return (_language("en"), *sorted(found, key=lambda each: each.name))


def wanted(request: HttpRequest) -> Language:
    """What the user chose here, else what the browser asks for, else the server's own."""
    known = {each.code: each for each in offered()}
    asked = [request.COOKIES.get(COOKIE, "")]
    asked += [code for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", ""))]
    for code in [*asked, settings.LANGUAGE_CODE]:
        for form in (code, code.split("-")[0], "nb" if code.split("-")[0] == "no" else ""):
            if form in known:
                return known[form]
    return known["en"]


def _language(code: str) -> Language:
    info = get_language_info(get_supported_language_variant(code))
    return Language(code, info["name_local"], "rtl" if info["bidi"] else "ltr")
