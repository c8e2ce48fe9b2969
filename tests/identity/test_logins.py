"""Who has logged in on this server's own page: a cookie, and a token against other sites."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import httpx2
import pytest

from tests.databases import ADMIN
from tests.serving import Server

pytestmark = pytest.mark.xdist_group("identity")


@pytest.fixture
def client(guarded: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=guarded.url, follow_redirects=False) as one:
        yield one


@pytest.fixture
def browser(guarded: Server, client: httpx2.Client) -> httpx2.Client:
    """A client that has logged in as the admin."""
    page = client.get("/login")
    assert page.status_code == 200
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert field
    name, password = ADMIN
    form = {"username": name, "password": password, "csrfmiddlewaretoken": field[1], "next": "/"}
    answer = client.post("/login", data=form, headers={"Origin": guarded.url})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    return client


def test_the_page_asks_for_a_login(guarded: Server) -> None:
    answer = httpx2.get(f"{guarded.url}/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/")
    login = httpx2.get(f"{guarded.url}/login")
    assert "Content-Security-Policy" in login.headers
    assert "unsafe" not in login.headers["Content-Security-Policy"]


def test_a_wrong_password_is_told_without_saying_what_was_wrong(guarded: Server, client: httpx2.Client) -> None:
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/login").text)
    assert field
    form = {"username": "nobody", "password": "x", "csrfmiddlewaretoken": field[1]}
    answer = client.post("/login", data=form, headers={"Origin": guarded.url})
    assert answer.status_code == 200
    assert "nobody" in answer.text
    assert "sessionid" not in client.cookies


@pytest.mark.parametrize("path", ["/login", "/admin/login/"])
def test_a_password_that_is_tried_too_often_locks_that_name_for_that_address(
    guarded: Server, client: httpx2.Client, path: str
) -> None:
    def attempt(name: str) -> httpx2.Response:
        field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(path).text)
        assert field
        form = {"username": name, "password": "wrong", "csrfmiddlewaretoken": field[1]}
        return client.post(path, data=form, headers={"Origin": guarded.url})

    name = f"ops-{secrets.token_hex(4)}"
    codes = [attempt(name).status_code for _ in range(11)]
    assert codes == [200] * 9 + [429] * 2
    locked = attempt(name)
    assert locked.headers["Retry-After"] == "900"
    assert "quarter of an hour" in locked.text
    assert attempt("somebody-else").status_code == 200


def test_who_is_logged_in_talks_as_themselves(browser: httpx2.Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert '"user": "admin"' in page.text
    assert "no-store" in page.headers["Cache-Control"] or "private" in page.headers["Cache-Control"]
    token = {"X-CSRFToken": browser.cookies["csrftoken"]}
    started = browser.post("/chat/start", json={}, headers=token)
    assert started.status_code == 200, started.text
    session = started.json()["session_id"]
    said = browser.post("/chat/message", json={"session_id": session, "message": "Hello"}, headers=token)
    assert said.status_code == 200
    assert browser.get(f"/chat/sessions/{session}").json()["user_id"] == "admin"
    assert browser.post("/brain/switch", json={"brain": "config"}, headers=token).status_code == 200


@pytest.mark.parametrize("path", ["/chat/start", "/chat/stream", "/chat/turns/turn_0/stop", "/memory/pause"])
def test_nothing_is_done_for_another_site(browser: httpx2.Client, path: str) -> None:
    for headers in ({}, {"X-CSRFToken": "x" * 32}):
        answer = browser.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden"), path


def test_a_login_that_has_ended_is_nobody(guarded: Server, browser: httpx2.Client) -> None:
    assert browser.get("/chat/personas").status_code == 200
    with guarded.database() as database:
        database.execute("DELETE FROM django_session WHERE session_key = %s", [browser.cookies["sessionid"]])
    assert browser.get("/chat/personas").status_code == 401


def test_logging_out_ends_it(guarded: Server, browser: httpx2.Client) -> None:
    form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    before = dict(browser.cookies)
    assert browser.post("/logout", data=form, headers={"Origin": guarded.url}).status_code == 302
    assert httpx2.get(f"{guarded.url}/chat/personas", cookies=before).status_code == 401


@pytest.mark.parametrize("cookie", ["sessionid=; x", "sessionid=" + "a" * 4000, "=;=;", "sessionid=../../x"])
def test_a_strange_cookie_is_nobody(guarded: Server, cookie: str) -> None:
    answer = httpx2.get(f"{guarded.url}/chat/personas", headers=[(b"Cookie", cookie.encode())])
    assert answer.status_code == 401
