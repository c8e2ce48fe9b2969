"""The page as it comes over HTTP: its policy, its files, its languages."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.serving import Server
from web import assets, views

MOST_REQUESTS = 6
MOST_SCRIPT = 44_500  # bytes on the wire, heads included: 45 KB is promised, and some room is left


@pytest.fixture
def http(coach: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=coach.url) as client:
        yield client


def loaded(html: str) -> list[str]:
    """What a browser fetches for the document; its icon is a data URL."""
    found = re.findall(r'<(?:link|script)[^>]*(?:href|src)="([^"]+)"', html)
    return [address for address in found if not address.startswith("data:")]


def given(html: str) -> dict[str, object]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert isinstance(data, dict)
    return data


def test_all_of_it_comes_in_six_requests_and_45_kb_of_script_from_this_host(http: httpx2.Client) -> None:
    addresses = loaded(http.get("/").text)
    assert len(addresses) + 1 <= MOST_REQUESTS - 1  # the list of sessions is one more
    script = 0
    for address in addresses:
        assert address.startswith("/page/"), address
        response = http.get(address, headers={"Accept-Encoding": "gzip"})
        assert response.status_code == 200
        if address.endswith(".js"):
            head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
            script += int(response.headers["Content-Length"]) + head
    assert 20_000 < script < MOST_SCRIPT


def test_nothing_inline_and_nothing_from_elsewhere_may_run(http: httpx2.Client) -> None:
    response = http.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert policy == views.POLICY
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert not re.search(r"<[^>]+ (?:on\w+|style)=", response.text)
    assert all(
        ' src="' in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", response.text)
    )
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_document_is_asked_for_again_and_not_sent_again(http: httpx2.Client) -> None:
    first = http.get("/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = http.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = http.get("/", headers={"If-None-Match": first.headers["ETag"], "Accept-Language": "nb"})
    assert other.status_code == 200


def test_a_file_is_kept_forever_under_a_name_that_changes_with_it(http: httpx2.Client) -> None:
    files = assets.made()
    for file in files.all():
        packed = http.get(f"/page/{file.name}", headers={"Accept-Encoding": "gzip"})
        plain = http.get(f"/page/{file.name}", headers={"Accept-Encoding": "identity"})
        assert packed.content == plain.content == file.content == gzip.decompress(file.compressed)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert plain.headers["Content-Type"] == file.media_type
    missing = http.get("/page/page.0123456789abcdef.js")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/", f"/page/{assets.made().script.name}", "/api/schema", "/admin/login/"])
def test_head_tells_what_get_would(http: httpx2.Client, coach: Server, path: str) -> None:
    got, told = http.get(path), http.head(path)
    assert (told.status_code, told.content) == (got.status_code, b"")
    assert told.headers["Content-Type"] == got.headers["Content-Type"]
    assert "no-body response" not in coach.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["/", "/page/x.js"])
def test_only_get_and_head(http: httpx2.Client, path: str) -> None:
    response = http.post(path)
    assert response.status_code in (403, 405)
    assert response.json()["error"] in ("forbidden", "method_not_allowed")


@pytest.mark.parametrize(
    ("asked", "cookie", "language"),
    [
        pytest.param("nb-NO,nb;q=0.9,en;q=0.5", "", "nb", id="browser"),
        pytest.param("no", "", "nb", id="norwegian"),
        pytest.param("nb", "en", "en", id="chosen"),
        pytest.param("en", "nb", "nb", id="chosen-norwegian"),
        pytest.param("fr,de;q=0.5", "", "en", id="unknown"),
        pytest.param("\x80;;,,=", "../../x", "en", id="nonsense"),
    ],
)
def test_it_speaks_the_language_that_was_chosen_or_is_asked_for(
    http: httpx2.Client, asked: str, cookie: str, language: str
) -> None:
    headers = [(b"Accept-Language", asked.encode("latin-1"))]
    if cookie:
        headers.append((b"Cookie", f"coach_language={cookie}".encode()))
    page = http.get("/", headers=headers).text
    assert f'<html lang="{language}" dir="ltr"' in page
    data = given(page)
    assert data["language"] == language
    texts = data["texts"]
    assert isinstance(texts, dict)
    assert texts["you_said"] == ("You said" if language == "en" else "Du sa")
