"""Who may come in: hosts, origins, types of body; and that a foreign page can cause nothing."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from coach_project.doors import Origins, is_loopback
from tests.api import Api
from tests.conftest import Serve
from tests.serving import Server


@pytest.fixture
def api(coach: Server, request: pytest.FixtureRequest) -> Api:
    return Api(coach.url, user=request.node.name[:190])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("https://app.localhost", True),
        ("http://[::1]:3000", True),
        ("https://app.example", True),
        ("https://APP.example", True),
        ("https://app.example:8443", False),
        ("http://app.example", False),
        ("https://api.example", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("null", False),
        ("file://", False),
        ("chrome-extension://abc", False),
        ("http://localhost:3000/path", False),
    ],
)
def test_allowed_origins(origin: str, allowed: bool) -> None:
    assert Origins(["https://app.example"], loopback=True).allow(origin, "api.example") is allowed


def test_beyond_open_mode_loopback_is_a_stranger() -> None:
    assert not Origins([], loopback=False).allow("http://localhost:3000", "api.example")


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("", False)])
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_page_of_another_port_may_call(api: Api) -> None:
    origin = "http://localhost:3000"
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = api.http.options("/chat/stream", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"]
    answer = api.http.post("/chat/start", json={"user_id": api.user}, headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in answer.headers
    assert "x-turn-id" in answer.headers["access-control-expose-headers"]
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    refused = api.http.post("/chat/start", json={"user_id": 5}, headers={"Origin": origin})
    assert refused.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("path", ["/chat/start", "/chat/stream", "/chat/message", "/brain/switch", "/admin/login/"])
def test_a_foreign_page_causes_nothing(api: Api, path: str) -> None:
    foreign = {"Origin": "https://evil.example"}
    preflight = api.http.options(path, headers={**foreign, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 403
    assert "access-control-allow-origin" not in preflight.headers
    answer = api.http.post(path, json={"user_id": api.user}, headers=foreign)
    assert (answer.status_code, answer.json()["error"]) == (403, "origin_not_allowed")
    assert api.get("/chat/sessions", user_id=api.user)["sessions"] == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_bodies_get_in(api: Api, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    for path in ("/chat/start", "/chat/stream"):
        answer = api.http.post(path, content=b'{"user_id": "u"}', headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_by_any_spelling_gets_in(api: Api, content_type: str) -> None:
    body = b'{"user_id": "%s"}' % api.user.encode()
    assert api.http.post("/chat/start", content=body, headers={"Content-Type": content_type}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5001", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused(api: Api, host: str) -> None:
    answer = api.http.get("/chat/personas", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith(
        ("application/json", "text/html" if not host else "application/json")
    )


def test_a_large_body_without_a_length_is_refused(api: Api) -> None:
    parts = urlsplit(api.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as wire:
        wire.sendall(
            b"POST /chat/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(40):
                wire.sendall(chunk)
        except ConnectionError:
            pass
        answer = wire.recv(4096)
    assert b" 413 " in answer
    assert b"too_large" in answer


def test_the_admin_needs_its_token(api: Api) -> None:
    answer = api.http.post("/admin/login/", data={"username": "admin", "password": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "path", ["/", "/chat/personas", "/brain/health", "/admin/login/", "/nowhere", "/chat/turns/x/stream"]
)
def test_every_answer_says_how_it_is_to_be_read(api: Api, path: str) -> None:
    headers = api.http.get(path).headers
    assert headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert len(headers.get_list("Referrer-Policy")) == 1
    assert "Strict-Transport-Security" not in headers


def test_a_stream_says_so_too(api: Api) -> None:
    headers = api.stream(api.start(), "Hello").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"


def test_behind_tls_browsers_are_told_to_come_by_https_alone(server: Serve) -> None:
    secret = "for a test, and as long as a key of Django's has to be at least: fifty signs"
    coach = server(COACH_AUTH="token", COACH_HTTPS="on", DJANGO_SECRET_KEY=secret)
    with httpx2.Client(base_url=coach.url, follow_redirects=False) as http:
        bare = http.get("/login")
        assert (bare.status_code, bare.headers["Location"][:8]) == (301, "https://")
        page = http.get("/login", headers={"X-Forwarded-Proto": "https"})
        assert page.status_code == 200
        assert "Secure" in page.headers["Set-Cookie"]
        for path in ("/login", "/chat/personas", "/health/ready"):
            told = http.get(path, headers={"X-Forwarded-Proto": "https"}).headers
            assert told.get_list("Strict-Transport-Security")[0].startswith("max-age=31536000"), path
