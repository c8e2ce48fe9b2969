"""What answers tell a browser; the admin under a path of the operator's choice."""

from __future__ import annotations

import re

import httpx2
import pytest
from playwright.sync_api import Page

from coach_project import policies
from tests.browsing import chromium
from tests.conftest import Serve
from tests.databases import ADMIN
from tests.serving import Server

JSON = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/admin/login/", policies.ADMIN),
        ("/admin/", policies.ADMIN),
        ("/api/docs", policies.DOCS),
        ("/api/schema", JSON),
        ("/chat/personas", JSON),
        ("/nowhere", JSON),
        ("/health/live", JSON),
    ],
)
def test_every_answer_has_one_policy(coach: Server, path: str, policy: str) -> None:
    headers = httpx2.get(f"{coach.url}{path}").headers
    assert headers.get_list("Content-Security-Policy") == [policy]
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def test_a_file_needs_none(coach: Server) -> None:
    headers = httpx2.get(f"{coach.url}/static/admin/css/base.css").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in headers


def test_no_policy_allows_what_is_inline_or_from_elsewhere() -> None:
    for policy in (policies.ADMIN, policies.DOCS, JSON):
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert not re.search(r"unsafe|http|\*", policy)


def complaints_of(page: Page) -> list[str]:
    """What the page's policy has kept from it, and what broke in its scripts, as it goes on."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.mark.browser
def test_the_documentation_is_shown_under_its_policy(coach: Server) -> None:
    with chromium() as browser:
        page = browser.new_page()
        complaints = complaints_of(page)
        page.goto(f"{coach.url}/api/docs")
        page.locator("#operations-chat-chat_stream, .opblock").first.wait_for(timeout=30_000)
        assert page.locator(".opblock").count() > 20
        page.locator(".opblock-summary-control").first.click()
        page.locator(".opblock-body").first.wait_for(timeout=30_000)
        assert complaints == []


@pytest.mark.browser
def test_the_admins_lists_and_forms_work_under_its_policy(coach: Server) -> None:
    with chromium() as browser:
        page = browser.new_page()
        complaints = complaints_of(page)
        page.goto(f"{coach.url}/admin/")
        for name, value in zip(("username", "password"), ADMIN, strict=True):
            page.locator(f"[name={name}]").fill(value)
        page.keyboard.press("Enter")
        page.locator("#user-tools").wait_for(timeout=30_000)
        for path in (
            "personas/persona/",
            "personas/persona/add/",
            "personas/persona/calm_coach/preview/",
            "chat/session/",
            "identity/apikey/add/",
            "auth/user/add/",
        ):
            answer = page.goto(f"{coach.url}/admin/{path}")
            assert answer is not None
            assert answer.ok, path
            page.locator("#content").wait_for(timeout=30_000)
        assert complaints == []


def test_the_admin_stands_where_the_operator_wants_it(server: Serve) -> None:
    coach = server(COACH_ADMIN_PATH="back-office", COACH_AUTH="token", DJANGO_SECRET_KEY="x" * 50)
    with httpx2.Client(base_url=coach.url, follow_redirects=True, timeout=30) as http:
        hidden = http.get("/admin/login/")
        assert hidden.status_code == 401  # what the gate does not know is an operator's
        assert "csrfmiddlewaretoken" not in hidden.text
        form = http.get("/back-office")
        assert form.url.path == "/back-office/login/"
        assert form.headers["Content-Security-Policy"] == policies.ADMIN
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert token
        asked = dict(zip(("username", "password"), ADMIN, strict=True)) | {"csrfmiddlewaretoken": token[1]}
        page = http.post("/back-office/login/?next=/back-office/", data=asked)
        assert (page.status_code, page.url.path) == (200, "/back-office/")
        (login,) = (each for each in page.history[0].headers.get_list("Set-Cookie") if each.startswith("sessionid="))
        assert {"HttpOnly", "SameSite=Lax"} <= set(login.split("; "))
        assert 'href="/back-office/personas/persona/"' in page.text
        assert "/admin/" not in re.sub(r"/static/admin/", "", page.text)
        assert http.get("/admin/").status_code in (403, 404)
