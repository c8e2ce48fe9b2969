"""A turn outlives its connection: joined, stopped and looked at from the worker that runs it and from another."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import pytest

from tests.api import Api, Listening
from tests.conftest import Serve
from tests.serving import Server
from tests.vendor import Call, Scenario, Vendor

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("joining")]

Pair = tuple[Server, Server]

WITHIN = pytest.mark.parametrize("within", [30, pytest.param(1, marks=pytest.mark.timing)], ids=["soon", "in a second"])
"""How many s a call may go on: soon on a busy machine, too, and within a second on one that does nothing else."""


@pytest.fixture(scope="module")
def servers(_one_vendor: Vendor, pair: Callable[..., Pair]) -> Pair:
    """Two servers of one worker each on one database: what reaches which is the test's choice."""
    return pair(COACH_BRAIN="claude", ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=_one_vendor.url)


LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"


def called(vendor: Vendor) -> Call:
    """The one call, once the vendor has it."""
    deadline = time.monotonic() + 60
    while not vendor.turns:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (call,) = vendor.turns
    return call


def begun(api: Api, session: str, message: str = "Hello") -> tuple[str, str]:
    """A turn that goes on without us, and the text that had come by then."""
    body = {"session_id": session, "message": message}
    with api.http.stream("POST", "/chat/stream", json=body) as response:
        turn = response.headers["x-turn-id"]
        for part in response.iter_raw():
            if b'"token"' in part:
                return turn, part.decode()
    raise AssertionError("no word came")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_whoever_joins_gets_a_snapshot_the_rest_as_it_comes_and_the_end(
    vendor: Vendor, servers: Pair, elsewhere: bool
) -> None:
    vendor.base = Scenario(words=60, pace=0.05)
    one, other = servers
    turn, _ = begun(Api(one.url), Api(one.url).start())
    reader = Api(other.url if elsewhere else one.url)
    first = reader.join(turn)
    assert "snapshot" in first.frames[0]
    assert sum("snapshot" in frame for frame in first.frames) == 1
    assert first.text == vendor.base.text
    assert first.end["status"] == "complete"
    assert first.headers["x-turn-id"] == turn
    assert len([frame for frame in first.frames if "token" in frame]) > 3
    later = reader.join(turn)
    assert later.frames[0] == {"snapshot": vendor.base.text}
    assert later.end == first.end
    assert len(vendor.turns) == 1


def test_many_followers_on_both_workers_all_hear_all_of_it(vendor: Vendor, servers: Pair) -> None:
    vendor.base = Scenario(words=40, pace=0.05)
    turn, _ = begun(Api(servers[0].url), Api(servers[0].url).start())
    listening = [Listening(Api(server.url).join, turn) for server in servers * 10]
    replies = [each.reply() for each in listening]
    assert [reply.text for reply in replies] == [vendor.base.text] * 20
    assert {reply.end["status"] for reply in replies} == {"complete"}


@pytest.mark.timing
def test_a_follower_on_another_worker_is_at_most_half_a_second_behind(vendor: Vendor, servers: Pair) -> None:
    vendor.base = Scenario(words=100, pace=0.04)
    one, other = servers
    session = Api(one.url).start()
    listening = Listening(Api(one.url).stream, session, "Hello")
    turn = Api(one.url).wait_for(session, "running")["messages"][-1]["turn_id"]
    joined = time.monotonic()
    far = Api(other.url).join(turn)
    near = listening.reply()
    assert far.text == near.text
    ends = list(accumulate(len(frame.get("token", "")) for frame in near.frames))
    seen, behind = 0, []
    for frame, at in zip(far.frames, far.times, strict=True):
        if text := frame.get("snapshot", frame.get("token", "")):
            said = near.times[bisect_right(ends, seen)]  # when the first word of this frame was heard near by
            behind.append(at - max(said, joined))
            seen += len(text)
    assert seen == len(near.text)
    assert len(behind) > 10
    assert max(behind) < 0.5, behind


@WITHIN
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stop_ends_the_call_within_a_second_and_keeps_what_was_said(
    vendor: Vendor, servers: Pair, elsewhere: bool, within: float
) -> None:
    vendor.base = Scenario(words=1000, pace=0.02)
    one, other = servers
    session = Api(one.url).start()
    listening = Listening(Api(one.url).stream, session, "Hello")
    turn = Api(one.url).wait_for(session, "running")["messages"][-1]["turn_id"]
    call = called(vendor)
    asked = time.monotonic()
    answer = Api(other.url if elsewhere else one.url).stop(turn)
    assert (answer.status_code, answer.json()) == (202, {"turn_id": turn, "status": "running"})
    assert call.over.wait(30)
    assert call.left_at is not None
    assert call.left_at - asked < within
    reply = listening.reply()
    assert reply.end["status"] == "stopped"
    stored = Api(other.url).session(session)["messages"][-1]
    assert (stored["status"], stored["content"]) == ("stopped", reply.text)
    again = Api(other.url).stop(turn)
    assert (again.status_code, again.json()["status"]) == (202, "stopped")
    assert Api(other.url).message(session, "[[words=3]]").status_code == 200


def test_a_turn_that_is_stopped_before_its_first_word_leaves_the_session_usable(vendor: Vendor, servers: Pair) -> None:
    vendor.next(wait=30)
    api = Api(servers[0].url)
    session = api.start()
    listening = Listening(api.stream, session, "Hello")
    called(vendor)
    turn = Api(api.url).session(session)["messages"][-1]["turn_id"]
    assert Api(api.url).stop(turn).status_code == 202
    reply = listening.reply()
    assert (reply.end["status"], reply.end["message_id"]) == ("stopped", None)
    assert Api(api.url).message(session, "Again").status_code == 200
    assert [line["content"] for line in vendor.turns[-1].body["messages"]] == ["Again"]


@WITHIN
def test_letters_that_make_no_sense_and_a_lost_connection_leave_the_mailbox_working(
    vendor: Vendor, servers: Pair, within: float
) -> None:
    vendor.base = Scenario(words=1000, pace=0.02)
    one, other = servers
    with one.database() as database:
        for (worker,) in database.execute("SELECT replace(id::text, '-', '') FROM chat_worker").fetchall():
            for words in ("", "stop", "stop rubbish", "follow 1", "sing", f"stop {worker}"):
                database.execute("SELECT pg_notify(%s, %s)", [f"coach_{worker}", words])
        before = {row[0] for row in database.execute(LISTENING).fetchall()}
        assert len(before) == 2
        for pid in before:
            database.execute("SELECT pg_terminate_backend(%s)", [pid])
        deadline = time.monotonic() + 60
        while len({row[0] for row in database.execute(LISTENING).fetchall()} - before) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    turn, _ = begun(Api(one.url), Api(one.url).start())
    call = called(vendor)
    asked = time.monotonic()
    assert Api(other.url).stop(turn).status_code == 202
    assert call.over.wait(30)
    assert call.left_at is not None
    assert call.left_at - asked < within


@WITHIN
@pytest.mark.parametrize("doing", ["delete", "clear"])
def test_a_session_that_goes_ends_its_turn_on_another_worker(
    vendor: Vendor, servers: Pair, doing: str, within: float
) -> None:
    vendor.base = Scenario(words=1000, pace=0.02)
    one, other = servers
    session = Api(one.url).start()
    listening = Listening(Api(one.url).stream, session, "Hello")
    call = called(vendor)
    asked = time.monotonic()
    path = f"/chat/sessions/{session}"
    far = Api(other.url)
    answer = far.http.delete(path) if doing == "delete" else far.http.post(f"{path}/clear")
    assert answer.status_code == 200
    reply = listening.reply()
    assert reply.end["error"] == "session_deleted"
    assert call.over.wait(30)
    assert call.left_at is not None
    assert call.left_at - asked < within
    left = far.http.get(path)
    assert left.status_code == (404 if doing == "delete" else 200)
    assert left.json().get("messages", []) == []


def test_a_turn_tells_how_it_is_doing_and_how_it_ended(vendor: Vendor, servers: Pair) -> None:
    vendor.base = Scenario(words=60, pace=0.05)
    one, other = servers
    session = Api(one.url).start()
    turn, _ = begun(Api(one.url), session)
    running = Api(other.url).get(f"/chat/turns/{turn}")
    assert (running["status"], running["message_id"], running["finished_at"]) == ("running", None, None)
    end = Api(other.url).join(turn).end
    ended = Api(other.url).get(f"/chat/turns/{turn}")
    assert ended["finished_at"] > ended["created_at"]
    assert {
        name: ended[name] for name in ("status", "message_id", "user_message_id", "brain", "usage", "fallback")
    } == {name: end[name] for name in ("status", "message_id", "user_message_id", "brain", "usage", "fallback")}
    assert (ended["session_id"], ended["turn_id"], ended["error"]) == (session, turn, None)
    assert ended["model"].startswith("claude")


def test_another_worker_shows_a_running_reply_as_of_a_second_ago(vendor: Vendor, servers: Pair) -> None:
    vendor.base = Scenario(words=1000, pace=0.05)
    one, other = servers
    session = Api(one.url).start()
    turn, _ = begun(Api(one.url), session)
    deadline = time.monotonic() + 60
    while not (shown := Api(other.url).session(session)["messages"][-1])["content"]:
        assert time.monotonic() < deadline
    assert (shown["role"], shown["status"], shown["turn_id"]) == ("assistant", "running", turn)
    assert vendor.base.text.startswith(shown["content"])
    assert Api(one.url).stop(turn).status_code == 202


def test_what_is_not_there_is_not_found(coach: Server) -> None:
    api = Api(coach.url)
    unknown = "0" * 32
    for method, path in (
        ("GET", f"/chat/turns/turn_{unknown}"),
        ("GET", f"/chat/turns/turn_{unknown}/stream"),
        ("POST", f"/chat/turns/turn_{unknown}/stop"),
        ("GET", "/chat/turns/rubbish"),
        ("GET", "/chat/turns/rubbish/stream"),
        ("POST", "/chat/turns/rubbish/stop"),
        ("POST", f"/chat/messages/msg_{unknown}/regenerate"),
        ("DELETE", f"/chat/messages/msg_{unknown}"),
    ):
        answer = api.http.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path
    for method, path in (
        ("POST", f"/chat/turns/turn_{unknown}/stream"),
        ("GET", f"/chat/turns/turn_{unknown}/stop"),
    ):
        assert api.http.request(method, path).status_code == 405


def test_a_running_turn_joined_by_its_key_from_another_worker_is_told_from_its_start(
    vendor: Vendor, servers: Pair
) -> None:
    vendor.base = Scenario(words=60, pace=0.05)
    one, other = servers
    session = Api(one.url).start()
    headers = {"Idempotency-Key": "one"}
    listening = Listening(Api(one.url).stream, session, "Hello", **headers)
    Api(one.url).wait_for(session, "running")
    far = Api(other.url).stream(session, "Hello", **headers)
    reply = listening.reply()
    assert "snapshot" not in far.frames[0]
    assert far.text == reply.text == vendor.base.text
    assert far.end == reply.end
    assert len(vendor.turns) == 1


def test_a_user_may_have_three_running_turns_on_all_workers_together(vendor: Vendor, servers: Pair) -> None:
    vendor.base = Scenario(words=200, pace=0.05)
    api = Api(servers[0].url, "busy")
    sessions = [api.start() for _ in range(8)]
    answers: list[tuple[int, str]] = []

    def send(number: int) -> None:
        body = {"session_id": sessions[number], "message": "Hello"}
        mine = Api(servers[number % 2].url)
        with mine.http.stream("POST", "/chat/stream", json=body) as response:
            answers.append((response.status_code, response.headers.get("retry-after", "")))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answers) == [(200, "")] * 3 + [(429, "5")] * 5
    somebody_else = Api(servers[0].url, "quiet")
    assert somebody_else.message(somebody_else.start(), "[[words=2]]").status_code == 200
    refused = api.message(api.start(), "Hello")
    assert refused.json()["error"] == "too_many_turns"


def test_a_worker_takes_as_many_turns_as_it_may_and_a_key_is_looked_up_before(vendor: Vendor, server: Serve) -> None:
    vendor.base = Scenario(words=1000, pace=0.02)
    claude = {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": vendor.url}
    api = Api(server(**claude, COACH_MAX_TURNS="1").url)
    session = api.start()
    listening = Listening(Api(api.url).stream, session, "Hello", **{"Idempotency-Key": "k"})
    called(vendor)
    refused = api.message(api.start(), "Hello")
    assert (refused.status_code, refused.json()["error"]) == (503, "server_busy")
    assert int(refused.headers["retry-after"]) > 0
    again = Listening(Api(api.url).stream, session, "Hello", **{"Idempotency-Key": "k"})
    assert api.stop(api.session(session)["messages"][-1]["turn_id"]).status_code == 202
    assert listening.reply().end == again.reply().end
    assert len(vendor.turns) == 1
