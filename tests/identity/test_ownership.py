"""Each path of the schema, asked by the owner, another user, another app and nobody: what is not theirs is not there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.api import Api
from tests.identity.conftest import MakeKey
from tests.identity.provider import Provider
from tests.serving import Server

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("identity")]

OPEN_TO_ALL = {("GET", "/health/live"), ("GET", "/health/ready")}
SHARED = {("GET", "/brain/health"), ("GET", "/chat/personas")}
"""The same for everybody who may talk."""

OPERATORS = {("GET", "/metrics"), ("POST", "/brain/switch")}

BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/brain/switch"): {"brain": "config"},
    ("POST", "/chat/start"): {},
    ("POST", "/chat/stream"): {"session_id": "{session_id}", "message": "Hello again"},
    ("POST", "/chat/message"): {"session_id": "{session_id}", "message": "Hello again"},
    ("POST", "/chat/messages/{message_id}/edit"): {"message": "Said otherwise"},
    ("POST", "/chat/messages/{message_id}/regenerate"): {},
    ("PATCH", "/chat/sessions/{session_id}"): {"title": "Renamed"},
    ("POST", "/chat/sessions/{session_id}/clear"): None,
    ("POST", "/chat/turns/{turn_id}/stop"): None,
    ("POST", "/memory"): {"kind": "goal", "text": "I want to row a marathon"},
    ("PATCH", "/memory/consent"): {"health": True},
    ("POST", "/memory/forget"): {"topic": "rowing"},
    ("POST", "/memory/pause"): {},
    ("POST", "/memory/resume"): {},
    ("PATCH", "/memory/{fact_id}"): {"text": "I want to row two marathons"},
}
"""What is sent; a GET or DELETE has no body."""

ORDER = ("GET", "PATCH", "POST", "DELETE")
LAST = ("/chat/sessions/{session_id}/clear", "/memory/forget")


@dataclass(frozen=True)
class Belongings:
    """What the owner has, by the names of the schema's parameters, and a word that is in all of their texts."""

    ids: Mapping[str, str]
    word: str

    def filled(self, path: str, body: Any) -> tuple[str, Any]:
        for name, value in self.ids.items():
            path = path.replace(f"{{{name}}}", value)
            body = json.loads(json.dumps(body).replace(f"{{{name}}}", value))
        assert "{" not in path, f"The walk has no value for a parameter of {path}."
        return path, body


def operations(guarded: Server) -> list[tuple[str, str]]:
    """All of the schema, what deletes last."""
    paths = httpx2.get(f"{guarded.url}/api/schema").json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return sorted(found, key=lambda each: (each[1] in LAST, ORDER.index(each[0]), -len(each[1])))


def belongings(api: Api, word: str) -> Belongings:
    session = api.start(title=f"About {word}")
    reply = api.message(session, f"I like {word}. My goal is a {word} under an hour.").json()
    fact = api.http.post("/memory", json={"kind": "preference", "text": f"I like {word}"}).json()
    assert fact["text"] == f"I like {word}"
    asked = api.session(session)["messages"][0]["message_id"]
    ids = {"session_id": session, "message_id": asked, "turn_id": reply["turn_id"], "fact_id": fact["fact_id"]}
    return Belongings(ids, word)


def ask(api: Api, theirs: Belongings, method: str, path: str) -> httpx2.Response:
    if method in ("POST", "PATCH"):
        assert (method, path) in BODIES, f"{method} {path} is new: say here what it takes, and see who may."
    address, body = theirs.filled(path, BODIES.get((method, path)))
    return api.http.request(method, address, json=body) if body is not None else api.http.request(method, address)


@pytest.fixture
def owner(calling: Callable[..., Api], provider: Provider) -> Api:
    user = f"owner-{secrets.token_hex(4)}"
    return calling(provider.token(user), user)


def all_of(api: Api) -> Any:
    """What the owner sees of their own, all of it."""
    sessions = api.get("/chat/sessions")["sessions"]
    read = [api.get(f"/chat/sessions/{each['session_id']}", branches="all") for each in sessions]
    return read, api.get("/memory", all="true")


@pytest.mark.parametrize("who", ["user", "app", "key-of-one", "nobody"])
def test_nothing_is_there_for_others_and_nothing_is_changed_by_them(
    guarded: Server, owner: Api, calling: Callable[..., Api], provider: Provider, make_key: MakeKey, who: str
) -> None:
    theirs = belongings(owner, f"zumba{secrets.token_hex(3)}")
    before = all_of(owner)
    bearers = {
        "user": provider.token("another"),
        "app": make_key("chat", "act-for-users", app="other"),
        "key-of-one": make_key("chat"),
        "nobody": "",
    }
    other = calling(bearers[who])
    for method, path in operations(guarded):
        response = ask(other, theirs, method, path)
        where = f"{method} {path}: {response.status_code} {response.text[:300]}"
        assert theirs.word not in response.text, where
        assert response.status_code < 500, where
        if (method, path) in OPEN_TO_ALL:
            assert response.status_code == 200, where
        elif who == "nobody":
            assert response.status_code == 401, where
            assert response.headers["WWW-Authenticate"] == "Bearer"
        elif (method, path) in OPERATORS:
            assert response.status_code == 403, where
        elif "{" in path or "{session_id}" in json.dumps(BODIES.get((method, path))):
            assert response.status_code in (400, 404), where
    assert all_of(owner) == before


def test_the_owner_may_do_it_all(guarded: Server, owner: Api, make_key: MakeKey, calling: Callable[..., Api]) -> None:
    operator = calling(make_key("operate"))
    for method, path in operations(guarded):
        theirs = belongings(owner, f"yoga{secrets.token_hex(3)}")
        api = operator if (method, path) in OPERATORS else owner
        response = ask(api, theirs, method, path)
        assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text[:300]}"
        owner.http.post("/memory/resume", json={})


def test_an_app_reaches_its_users_and_no_others(
    calling: Callable[..., Api], make_key: MakeKey, provider: Provider
) -> None:
    backend = calling(make_key("chat", "act-for-users"))
    owner = calling(provider.token("kari-of-main"), "kari-of-main")
    session = owner.start()
    assert backend.session(session)["user_id"] == "kari-of-main"
    listed = backend.get("/chat/sessions", user_id="kari-of-main")["sessions"]
    assert session in [each["session_id"] for each in listed]
    assert backend.stream(session, "Hello").end["done"] is True
    for body in ({}, {"user_id": "anonymous"}):
        refused = backend.http.post("/chat/start", json=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid")


@pytest.mark.parametrize("path", ["/chat/sessions?user_id=ola", "/memory?user_id=ola", "/memory/export?user_id=ola"])
def test_another_users_id_is_forbidden(owner: Api, path: str) -> None:
    response = owner.http.get(path)
    assert (response.status_code, response.json()["error"]) == (403, "forbidden")


def test_another_users_id_is_forbidden_in_a_body_too(owner: Api) -> None:
    for path, body in (("/chat/start", {}), ("/memory/pause", {}), ("/memory", BODIES["POST", "/memory"])):
        response = owner.http.post(path, json={**body, "user_id": "ola"})
        assert (response.status_code, response.json()["error"]) == (403, "forbidden"), path


def test_an_idempotency_key_is_its_owners(owner: Api, calling: Callable[..., Api], provider: Provider) -> None:
    other = calling(provider.token("another-one"), "another-one")
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = owner.stream(owner.start(), "Hello", **key)
    second = other.stream(other.start(), "Hello", **key)
    assert first.status == second.status == 200
    assert first.headers["X-Turn-Id"] != second.headers["X-Turn-Id"]
