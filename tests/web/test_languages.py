"""The catalogs: each text of the page is in each of them, translated, with its placeholders, and compiled as it is written."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import LazySettings
from django.test import RequestFactory
from django.utils.translation import override, trans_real

from web import languages, texts, views
from web.assets import HERE

CATALOGS = sorted((HERE / "locale").glob("*/LC_MESSAGES/django.po"))
IN_TEMPLATES = re.compile(r"""\{%\s*translate\s+(?:"([^"]+)"|'([^']+)')""")
BLOCKS = re.compile(r"\{%\s*blocktranslate[^%]*%\}(.*?)\{%\s*endblocktranslate", re.DOTALL)
PLACEHOLDER = re.compile(r"\{\w*\}|%\(\w+\)s")


def sources() -> set[str]:
    """All that the page says, in English."""
    with override("en"):
        found = set(texts.translated().values())
    for template in (HERE / "templates").rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        found |= {one or other for one, other in IN_TEMPLATES.findall(text)}
        found |= {re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", block) for block in BLOCKS.findall(text)}
    return found


def entries(catalog: Catalog) -> Iterator[tuple[str, str]]:
    for entry in catalog:
        if entry.id:
            yield str(entry.id), str(entry.string)


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, abort_invalid=True)


def test_there_is_norwegian() -> None:
    assert "nb" in [path.parent.parent.name for path in CATALOGS]
    assert len(sources()) > 100


@pytest.mark.parametrize("path", CATALOGS, ids=[path.parent.parent.name for path in CATALOGS])
def test_each_text_is_translated_with_its_placeholders(path: Path) -> None:
    catalog = read(path)
    told = dict(entries(catalog))
    assert sources() - told.keys() == set(), "texts that the catalog lacks"
    assert told.keys() - sources() == set(), "texts that the page no longer has"
    assert [text for text, translation in told.items() if not translation.strip()] == []
    assert [str(entry.id) for entry in catalog if entry.fuzzy and entry.id] == []
    unlike = [
        text
        for text, translation in told.items()
        if sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(translation))
    ]
    assert unlike == []


@pytest.mark.parametrize("path", CATALOGS, ids=[path.parent.parent.name for path in CATALOGS])
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    made = io.BytesIO()
    write_mo(made, read(path))
    made.seek(0)
    with path.with_suffix(".mo").open("rb") as file:
        kept = GNUTranslations(file)
    fresh = GNUTranslations(made)
    told = {text: kept.gettext(text) for text, _ in entries(read(path))}
    assert told == {text: fresh.gettext(text) for text in told}
    assert len(kept._catalog) == len(fresh._catalog)  # type: ignore[attr-defined]


@pytest.fixture
def arabic(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A third catalog, made as the documents say: each of its texts is the English one between two signs."""
    folder = tmp_path / "locale" / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalog = Catalog(locale="ar")
    for text in sources():
        catalog.add(text, f"«{text}»")
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    settings.LOCALE_PATHS = [str(tmp_path / "locale")]
    monkeypatch.setattr(languages, "HERE", tmp_path)
    languages.offered.cache_clear()
    yield
    languages.offered.cache_clear()
    trans_real._translations.pop("ar", None)  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.usefixtures("arabic")
def test_a_language_more_takes_a_catalog_and_nothing_else(settings: LazySettings, rf: RequestFactory) -> None:
    settings.COACH_AUTH = "open"
    html = views.page(rf.get("/", headers={"Accept-Language": "ar-EG,en;q=0.5"})).content.decode()
    assert '<html lang="ar" dir="rtl"' in html
    assert ">«Skip to the message field»<" in html
    assert r"\u00abStop\u00bb" in html  # of the texts that the scripts say
    assert '<option value="ar" lang="ar" selected>العربيّة</option>' in html
    other = views.page(rf.get("/", headers={"Accept-Language": "fr"})).content.decode()
    assert '<html lang="en" dir="ltr"' in other
    assert "العربيّة" in other
