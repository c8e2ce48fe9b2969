"""The guide's curl session against the real server, and the life of a turn, from outside."""

from __future__ import annotations

import concurrent.futures
import json
import re
from collections.abc import Callable, Iterator

import pytest

from tests.api import Api
from tests.serving import Server

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("stream")]

COACHES = ["fitness_coach", "calm_coach", "drill_sergeant", "personal_trainer"]


@pytest.fixture
def api(coach: Server, request: pytest.FixtureRequest) -> Api:
    return Api(coach.url, user=request.node.name[:190])


def test_the_guides_session_frame_by_frame(api: Api) -> None:
    started = api.http.post("/chat/start", json={"user_id": "test", "persona": "fitness_coach"})
    assert started.json() == {
        "session_id": started.json()["session_id"],
        "persona": "fitness_coach",
        "persona_description": "Energetic and motivating fitness coach",
        "available_personas": [*COACHES, "default"],
    }
    session = started.json()["session_id"]
    assert re.fullmatch(r"session_[0-9a-f]{32}", session)

    reply = api.stream(session, "Ready to train?")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["x-session-id"] == session
    assert "content-length" not in reply.headers
    assert re.match(rb":[^\n]{511,}\n\n", reply.raw)
    for frame in reply.raw.split(b"\n\n")[1:-1]:
        assert frame.startswith((b"data: {", b": ping"))
        assert b"\n" not in frame
    assert reply.raw.endswith(b"\n\n")
    assert len(reply.frames) > 5
    assert reply.end == {
        "done": True,
        "message_id": reply.end["message_id"],
        "user_message_id": reply.end["user_message_id"],
        "turn_id": reply.headers["x-turn-id"],
        "status": "complete",
        "brain": "config",
        "fallback": False,
        "usage": {
            "input_tokens": reply.end["usage"]["input_tokens"],
            "output_tokens": reply.end["usage"]["output_tokens"],
        },
    }
    assert reply.end["usage"]["output_tokens"] > 0

    whole = api.message(session, "What's next?").json()
    assert whole["session_id"] == session
    assert whole["persona"] == "fitness_coach"
    assert whole["message"].strip()
    assert whole["status"] == "complete"

    stored = api.session(session)["messages"]
    assert [message["role"] for message in stored] == ["user", "assistant", "user", "assistant"]
    assert [message["content"] for message in stored] == [
        "Ready to train?",
        reply.text,
        "What's next?",
        whole["message"],
    ]
    assert stored[1]["message_id"] == reply.end["message_id"]
    assert stored[0]["message_id"] == reply.end["user_message_id"]

    listed = api.get("/chat/sessions", user_id="test")["sessions"][0]
    assert listed["session_id"] == session
    assert listed["message_count"] == 4
    assert listed["title"] == "Ready to train?"

    assert api.http.delete(f"/chat/sessions/{session}").json() == {"success": True, "session_id": session}
    assert api.http.get(f"/chat/sessions/{session}").status_code == 404

    personas = api.get("/chat/personas")["personas"]
    assert [persona["id"] for persona in personas] == COACHES


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "application/json", "text/html;q=0.1"])
def test_whatever_a_client_accepts_is_served_uncompressed(api: Api, accept: str) -> None:
    reply = api.stream(api.start(), "Hello", Accept=accept, **{"Accept-Encoding": "gzip, br"})
    assert reply.end["status"] == "complete"
    assert "content-encoding" not in reply.headers


def test_without_a_user_and_a_persona_it_is_anonymous_with_the_fitness_coach(api: Api) -> None:
    answer = api.http.post("/chat/start", json={})
    assert answer.json()["persona"] == "fitness_coach"
    assert api.session(answer.json()["session_id"])["user_id"] == "anonymous"


def test_a_reply_is_stored_when_the_client_leaves(server_with_pace: Server) -> None:
    api = Api(server_with_pace.url)
    session = api.start()
    with api.streaming(session, "Tell me about squats") as frames:
        seen = next(frames)["token"] + next(frames)["token"]
    stored = api.wait_for(session, "complete")["messages"][1]["content"]
    assert stored.startswith(seen)
    assert len(stored) > len(seen)


def test_a_second_message_while_one_is_answered_is_refused_and_leaves_nothing(server_with_pace: Server) -> None:
    api = Api(server_with_pace.url)
    session = api.start()
    with api.streaming(session, "First") as frames:
        next(frames)
        refused = api.message(session, "Second")
        assert refused.status_code == 409
        assert refused.json()["error"] == "turn_in_progress"
        running = api.session(session)["messages"]
        assert [message["role"] for message in running] == ["user", "assistant"]
        assert running[1]["status"] == "running"
        assert running[1]["turn_id"] == refused.json()["turn_id"]
        assert running[1]["content"]
    api.wait_for(session, "complete")
    assert api.message(session, "Third").status_code == 200
    roles = [message["role"] for message in api.session(session)["messages"]]
    assert roles == ["user", "assistant", "user", "assistant"]


def test_of_two_messages_at_once_one_streams_and_the_other_is_refused(coach: Server) -> None:
    api = Api(coach.url, "two-at-once")
    session = api.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            answers = list(pool.map(lambda text: Api(coach.url).message(session, text).status_code, ["left", "right"]))
            assert answers.count(200) >= 1
            assert set(answers) <= {200, 409}
    messages = api.session(session)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2)
    parents = [message["parent_id"] for message in messages]
    assert parents == [None, *(message["message_id"] for message in messages[:-1])]


def test_the_same_key_gives_the_same_turn_again(api: Api) -> None:
    session = api.start()
    first = api.stream(session, "Hello", **{"Idempotency-Key": "k1"})
    again = api.stream(session, "Hello", **{"Idempotency-Key": "k1"})
    assert (again.text, again.end) == (first.text, first.end)
    whole = api.message(session, "Hello", **{"Idempotency-Key": "k1"}).json()
    assert (whole["message"], whole["turn_id"]) == (first.text, first.end["turn_id"])
    other = api.stream(session, "Something else", **{"Idempotency-Key": "k1"})
    assert other.status == 422
    assert json.loads(other.raw)["error"] == "idempotency_mismatch"
    assert len(api.session(session)["messages"]) == 2


def test_the_same_key_starts_one_session(api: Api) -> None:
    headers = {"Idempotency-Key": "start-once"}
    body = {"user_id": api.user, "persona": "calm_coach"}
    first, second = (api.http.post("/chat/start", json=body, headers=headers).json() for _ in range(2))
    assert first == second
    mismatch = api.http.post("/chat/start", json={**body, "persona": "default"}, headers=headers)
    assert mismatch.status_code == 422
    assert len(api.get("/chat/sessions", user_id=api.user)["sessions"]) == 1


def test_a_session_of_an_unpublished_persona_stays_readable_and_says_so(server_with_pace: Server) -> None:
    api = Api(server_with_pace.url)
    session = api.start(persona="drill_sergeant")
    api.message(session, "Hi")
    with server_with_pace.database() as database:
        database.execute("UPDATE personas_persona SET published = false WHERE id = 'drill_sergeant'")
    refused = api.message(session, "Still there?")
    assert (refused.status_code, refused.json()["error"]) == (409, "persona_unavailable")
    assert len(api.session(session)["messages"]) == 2
    unknown = api.http.post("/chat/start", json={"persona": "drill_sergeant"})
    assert (unknown.status_code, unknown.json()["error"]) == (400, "unknown_persona")
    assert api.http.patch(f"/chat/sessions/{session}", json={"persona": "calm_coach"}).status_code == 200
    assert api.message(session, "And now?").json()["persona"] == "calm_coach"


@pytest.fixture(scope="module")
def server_with_pace(_started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """One server for the tests that need a reply to take a while."""
    started = _started({"COACH_PACE": "60"})
    yield started
    started.close()
    assert not started.complaint()
