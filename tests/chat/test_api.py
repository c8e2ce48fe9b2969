"""The CRUD paths, and bad input on every one of them."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import sql

from tests.api import Api
from tests.serving import Server

pytestmark = pytest.mark.database


@pytest.fixture
def api(coach: Server, request: pytest.FixtureRequest) -> Api:
    return Api(coach.url, user=request.node.name[:190])


def error(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    body = answer.json()
    assert body["message"]
    return answer.status_code, body["error"]


# --- Sessions -------------------------------------------------------------------------------------------------------


def test_sessions_come_newest_first_in_pages(api: Api) -> None:
    made = [api.start(title=f"number {number}") for number in range(7)]
    pages, cursor = [], ""
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = api.get("/chat/sessions", user_id=api.user, limit=3, **query)
        pages.append([session["session_id"] for session in page["sessions"]])
        cursor = page["next"]
        if not cursor:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [session for page in pages for session in page] == made[::-1]


def test_a_turn_makes_its_session_the_newest(api: Api) -> None:
    older, newer = api.start(), api.start()
    api.message(older, "Hello")
    found = [session["session_id"] for session in api.get("/chat/sessions", user_id=api.user)["sessions"]]
    assert found == [older, newer]


def test_search_finds_words_of_titles_and_messages_and_a_prefix(api: Api) -> None:
    titled = api.start(title="Kettlebell plan")
    said = api.start()
    api.message(said, "My kneecap hurts after cycling")

    def find(words: str) -> list[str]:
        return [each["session_id"] for each in api.get("/chat/sessions", user_id=api.user, q=words)["sessions"]]

    assert find("kettle") == [titled]
    assert find("kneecap cyc") == [said]
    assert find("kneecap kettlebell") == []
    assert find("!!! & | :* '") == [said, titled]


WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'chat_turn'::regclass"


@pytest.mark.parametrize("query", [{}, {"branches": "all"}], ids=["path", "all"])
def test_a_session_and_its_messages_are_of_one_moment(coach: Server, api: Api, query: dict[str, str]) -> None:
    """The path's end moves just after the session was read, and before its messages are: as when a turn ends."""
    session = api.start()
    for text in ("one", "two"):
        api.message(session, text)
    first = api.session(session)["messages"][1]["message_id"]
    with coach.database() as look, coach.database() as holding, ThreadPoolExecutor(1) as aside:
        with holding.transaction():
            holding.execute("LOCK TABLE chat_turn IN ACCESS EXCLUSIVE MODE")  # which the session is read without
            asked = aside.submit(api.get, f"/chat/sessions/{session}", **query)
            deadline = time.monotonic() + 30
            while not look.execute(WAITING).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            holding.execute(
                "UPDATE chat_session SET head_id = %s WHERE id = %s",
                [first.removeprefix("msg_"), session.removeprefix("session_")],
            )
        told = asked.result(30)
    assert told["head"] == first
    assert len(told["messages"]) == (4 if query else 2)


def test_a_session_shows_its_messages_in_pages(api: Api) -> None:
    session = api.start(metadata={"colour": "blue"})
    for text in ("one", "two", "three"):
        api.message(session, text)
    whole = api.session(session)
    assert whole["metadata"] == {"colour": "blue"}
    assert whole["next"] is None
    first = api.get(f"/chat/sessions/{session}", limit=4)
    rest = api.get(f"/chat/sessions/{session}", limit=4, cursor=first["next"])
    assert first["messages"] + rest["messages"] == whole["messages"]
    assert whole["message_count"] == 6


def test_a_session_can_be_changed_and_keeps_its_history(api: Api) -> None:
    session = api.start()
    api.message(session, "Hello")
    changed = api.http.patch(
        f"/chat/sessions/{session}",
        json={"title": "New", "persona": "calm_coach", "brain": "config", "metadata": {"a": 1}},
    ).json()
    assert (changed["title"], changed["persona"], changed["brain"], changed["metadata"]) == (
        "New",
        "calm_coach",
        "config",
        {"a": 1},
    )
    assert api.http.patch(f"/chat/sessions/{session}", json={"brain": None}).json()["brain"] is None
    assert error(api.http.patch(f"/chat/sessions/{session}", json={"brain": "hal"})) == (400, "unknown_brain")
    assert error(api.http.patch(f"/chat/sessions/{session}", json={"persona": "hal"})) == (400, "unknown_persona")
    assert error(api.http.patch(f"/chat/sessions/{session}", json={"title": None})) == (400, "invalid")
    assert len(api.session(session)["messages"]) == 2


def test_clearing_removes_the_messages_and_keeps_the_session(api: Api) -> None:
    session = api.start()
    api.message(session, "Hello")
    assert api.http.post(f"/chat/sessions/{session}/clear").status_code == 200
    assert api.session(session)["messages"] == []
    assert api.session(session)["message_count"] == 0
    api.message(session, "Hello again")
    assert len(api.session(session)["messages"]) == 2


def test_an_export_is_a_named_file_with_everything(api: Api) -> None:
    session = api.start(title="Knees")
    reply = api.message(session, "Hello *you*").json()["message"]
    export = api.http.get(f"/chat/sessions/{session}/export")
    assert export.headers["content-disposition"].startswith('attachment; filename="fitness_coach-')
    assert [message["content"] for message in export.json()["messages"]] == ["Hello *you*", reply]
    for kind, content_type in (("markdown", "text/markdown"), ("text", "text/plain")):
        export = api.http.get(f"/chat/sessions/{session}/export", params={"format": kind})
        assert export.headers["content-type"].startswith(content_type)
        assert all(part in export.text for part in ("Knees", "Hello *you*", reply))
    assert error(api.http.get(f"/chat/sessions/{session}/export?format=pdf")) == (400, "invalid")


def test_deleting_removes_every_row(api: Api, coach: Server) -> None:
    session = api.start()
    api.stream(session, "Hello", **{"Idempotency-Key": "gone"})
    api.http.delete(f"/chat/sessions/{session}")
    with coach.database() as database:
        for table in ("chat_message", "chat_turn", "chat_idempotencykey"):
            query = sql.SQL("SELECT count(*) FROM {} WHERE session_id = %s").format(sql.Identifier(table))
            row = database.execute(query, [session[8:]]).fetchone()
            assert row == (0,), table
    assert error(api.http.delete(f"/chat/sessions/{session}")) == (404, "not_found")
    assert error(api.message(session, "Hello?")) == (404, "not_found")


def test_language_and_time_zone_are_kept_with_the_owner(api: Api, coach: Server) -> None:
    api.start(language="nb-NO", time_zone="Europe/Oslo")
    api.start()
    with coach.database() as database:
        row = database.execute(
            "SELECT language, time_zone FROM identity_owner WHERE external_id = %s", [api.user]
        ).fetchone()
    assert row == ("nb-NO", "Europe/Oslo")


# --- Bad input ------------------------------------------------------------------------------------------------------

BODIES: list[tuple[bytes, int]] = [
    (b"{", 400),
    (b"[]", 400),
    (b"[" * 100_000, 400),
    (b'{"session_id": NaN, "message": "x"}', 400),
    (b'{"message": "\xff"}', 400),
    (b'{"message": "a\\u0000b"}', 400),
    (b'{"message": "\\ud800"}', 400),
    (b'{"padding": "' + b"x" * 3_000_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/chat/start", "/chat/stream", "/chat/message", "/brain/switch"])
def test_no_bad_body_gets_through(api: Api, path: str, body: bytes, status: int) -> None:
    answer = api.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert error(answer)[1] in ("invalid", "too_large")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"session_id", "message"}),
        ({"session_id": 5, "message": ["x"]}, {"session_id", "message"}),
        ({"session_id": "session_0", "message": " \n\t "}, {"message"}),
        ({"session_id": "session_0", "message": "x" * 32_001}, {"message"}),
        ({"session_id": None, "message": True}, {"session_id", "message"}),
    ],
)
def test_missing_and_mistyped_fields_are_named(api: Api, fields: dict[str, Any], wrong: set[str]) -> None:
    for path in ("/chat/stream", "/chat/message"):
        answer = api.http.post(path, json=fields)
        assert error(answer) == (400, "invalid")
        assert set(answer.json()["fields"]) == wrong


@pytest.mark.parametrize(
    "fields",
    [
        {"user_id": 7},
        {"user_id": "x" * 201},
        {"user_id": " "},
        {"metadata": []},
        {"metadata": {"long": "x" * 9000}},
        {"language": "no such language"},
        {"time_zone": "Mars/Olympus"},
        {"title": "x" * 201},
    ],
)
def test_a_bad_start_names_its_field(api: Api, fields: dict[str, Any]) -> None:
    answer = api.http.post("/chat/start", json=fields)
    assert error(answer) == (400, "invalid")
    assert list(answer.json()["fields"]) == list(fields)


def test_the_longest_message_goes_through(api: Api) -> None:
    session = api.start()
    text = "é" * 32_000
    assert api.message(session, f"  {text}\n").status_code == 200
    assert api.session(session)["messages"][0]["content"] == text


def test_an_unknown_persona_is_told_which_there_are(api: Api) -> None:
    answer = api.http.post("/chat/start", json={"persona": "yoda"})
    assert error(answer) == (400, "unknown_persona")
    assert "calm_coach" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", (404, "not_found")),
        ("GET", "/chat/sessions/session_xyz", (404, "not_found")),
        ("GET", "/chat/sessions/%00", (404, "not_found")),
        ("PATCH", f"/chat/sessions/session_{'0' * 32}", (404, "not_found")),
        ("DELETE", "/chat/sessions/' OR 1=1", (404, "not_found")),
        ("GET", "/chat/stream", (405, "method_not_allowed")),
        ("DELETE", "/health/live", (405, "method_not_allowed")),
        ("PUT", "/chat/start", (405, "method_not_allowed")),
        ("GET", "/chat/sessions?limit=0", (400, "invalid")),
        ("GET", "/chat/sessions?limit=101", (400, "invalid")),
        ("GET", "/chat/sessions?limit=²", (400, "invalid")),
        ("GET", "/chat/sessions?cursor=rubbish", (400, "invalid")),
        ("GET", "/chat/sessions?user_id=%00", (400, "invalid")),
        ("GET", "/admin/nowhere/", (404, "not_found")),
        ("GET", "/static/nowhere.js", (404, "not_found")),
    ],
)
def test_errors_of_every_path_are_json(api: Api, method: str, path: str, expected: tuple[int, str]) -> None:
    answer = api.http.request(method, path, json={} if method in ("PATCH", "PUT") else None)
    if path.startswith("/admin"):
        assert answer.status_code in (302, 404)
    else:
        assert error(answer) == expected


def test_a_refused_method_is_told_which_are_taken(api: Api) -> None:
    assert api.http.put("/chat/stream", json={}).headers["allow"] == "POST"
    assert "POST" in api.http.get("/chat/start").headers["allow"]
    assert api.http.head("/health/live").status_code == 200


def test_a_bad_idempotency_key_is_refused(api: Api) -> None:
    session = api.start()
    assert error(api.message(session, "Hi", **{"Idempotency-Key": "x" * 256})) == (400, "invalid")
    assert error(api.message(session, "Hi", **{"Idempotency-Key": "a\tb"})) == (400, "invalid")


@pytest.mark.parametrize("path", ["/chat/personas/", "/chat/sessions/", "/health/live/", "/brain/health/"])
def test_a_trailing_slash_does_no_harm(api: Api, path: str) -> None:
    assert api.http.get(path).status_code == 200


def test_the_docs_load_nothing_foreign(api: Api, coach: Server) -> None:
    page = api.http.get("/api/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 3
    for address in loaded:
        assert address.startswith("/"), address
        assert api.http.get(address).status_code == 200, address
    style = api.http.get("/static/admin/css/base.css")
    assert style.headers["content-type"].startswith("text/css")
    assert int(style.headers["content-length"]) == len(style.content) > 1000
    again = api.http.get("/static/admin/css/base.css", headers={"If-Modified-Since": style.headers["last-modified"]})
    assert again.status_code == 304
    assert "Warning" not in coach.log.read_text()


def test_the_schema_describes_every_path(api: Api) -> None:
    schema = api.http.get("/api/schema").json()
    text = json.dumps(schema)
    for path in (
        "/chat/start",
        "/chat/stream",
        "/chat/message",
        "/chat/sessions",
        "/chat/turns/{turn_id}",
        "/chat/turns/{turn_id}/stream",
        "/chat/turns/{turn_id}/stop",
        "/chat/messages/{message_id}",
        "/chat/messages/{message_id}/regenerate",
        "/chat/messages/{message_id}/edit",
        "/chat/personas",
        "/brain/switch",
        "/health/ready",
        "/metrics",
    ):
        assert path in text
    assert schema["openapi"] == "3.1.0"


def test_the_admin_is_found_without_its_slash(api: Api) -> None:
    assert api.http.get("/admin", follow_redirects=True).url.path == "/admin/login/"
    assert error(api.http.get("/administrator")) == (404, "not_found")


def test_health(api: Api) -> None:
    assert api.get("/health/live") == {"status": "alive"}
    assert api.get("/health/ready")["status"] == "ready"
    health = api.get("/brain/health")
    assert (health["active_brain"], health["healthy"]) == ("config", True)
    assert {brain["name"]: brain["breaker"] for brain in health["brains"]} == {
        "claude": "closed",
        "openai": "closed",
        "config": "closed",
    }
