"""What happens to turns when their server is stopped, killed or overtaken."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api import Api, Listening
from tests.conftest import Serve
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.xdist_group("workers")

Pair = Callable[..., tuple[Server, Server]]


def claude(vendor: Vendor, **more: str) -> dict[str, str]:
    return {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": vendor.url, **more}


@pytest.fixture(scope="module")
def leased(_one_vendor: Vendor, pair: Pair) -> tuple[Server, Server]:
    """Two servers on one database, of which one notices within seconds that the other is dead."""
    return pair(**claude(_one_vendor, COACH_LEASE_TIMEOUT="3"))


def kill_worker(server: Server) -> None:
    """SIGKILL to the one worker, so that gunicorn starts another."""
    (worker,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)


def statements(server: Server, pattern: str) -> int:
    with server.database() as database:
        row = database.execute("SELECT count(*) FROM chat_piece WHERE text ~ %s", [pattern]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.database
@pytest.mark.parametrize("killed", ["its worker", "its whole server"])
def test_row_32_after_a_kill_9_the_text_is_there_and_the_session_free(
    vendor: Vendor, leased: tuple[Server, Server], killed: str
) -> None:
    vendor.base = Scenario(words=2000, pace=0.02)
    one, other = leased
    api = Api(one.url)
    session = api.start()
    seen: list[tuple[float, str]] = []
    with api.streaming(session, "Hello") as frames:
        for frame in frames:
            seen.append((time.monotonic(), frame["token"]))
            if seen[-1][0] - seen[0][0] > 2.5:
                break
        died = time.monotonic()
        if killed == "its worker":
            kill_worker(one)
        else:
            (worker,) = Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text().split()
            one.stop(signal.SIGKILL)
            os.kill(int(worker), signal.SIGKILL)
    far = Api(other.url)
    ended = far.wait_for(session, "interrupted", patience=60)
    assert time.monotonic() - died < 60
    text = ended["messages"][-1]["content"]
    assert vendor.base.text.startswith(text)
    assert text.startswith("".join(word for at, word in seen if at < died - 1.0))
    turn = far.get(f"/chat/turns/{ended['messages'][-1]['turn_id']}")
    assert (turn["status"], turn["error"]) == ("interrupted", "server_restarted")
    joined = far.join(turn["turn_id"])
    assert (joined.text, joined.end["error"], joined.end["retryable"]) == (text, "server_restarted", True)
    vendor.next(words=3)
    assert far.message(session, "And now?").status_code == 200
    assert [line["role"] for line in vendor.turns[-1].body["messages"]] == ["user", "assistant", "user"]
    assert statements(other, ".") == 0
    one.tracebacks_allowed = True
    if killed == "its whole server":
        one.start()


@pytest.mark.database
def test_row_32_whoever_follows_from_another_worker_is_told(vendor: Vendor, leased: tuple[Server, Server]) -> None:
    vendor.base = Scenario(words=2000, pace=0.02)
    one, other = leased
    before = len(one.log.read_text())
    session = Api(one.url).start()
    api = Api(one.url)
    with api.streaming(session, "Hello") as frames:
        next(frames)
        turn = Api(one.url).session(session)["messages"][-1]["turn_id"]
        listening = Listening(Api(other.url).join, turn)
        for number, _ in enumerate(frames):
            if number > 100:
                break
        kill_worker(one)
    reply = listening.reply()
    assert reply.end["error"] == "server_restarted"
    assert len(reply.text.split()) > 80
    assert Api(other.url).session(session)["messages"][-1]["content"] == reply.text
    assert "Traceback" not in one.log.read_text()[before:]


@pytest.mark.database
def test_a_short_turn_writes_nothing_while_it_runs(vendor: Vendor, vendored: Server) -> None:
    api = Api(vendored.url)
    vendor.base = Scenario(words=20)
    with vendored.database() as database:
        before = database.execute("SELECT last_value, is_called FROM chat_piece_id_seq").fetchone()
        for _ in range(5):
            assert api.stream(api.start(), "Hello").end["status"] == "complete"
        assert database.execute("SELECT last_value, is_called FROM chat_piece_id_seq").fetchone() == before


@pytest.mark.database
def test_checkpoints_hold_each_word_once_and_turns_share_their_statements(vendor: Vendor, server: Serve) -> None:
    coach = server(**claude(vendor, COACH_LIMITS="off"))
    vendor.base = Scenario(words=200, pace=0.02)
    sessions = [Api(coach.url).start() for _ in range(20)]
    begun = time.monotonic()
    listening = [Listening(Api(coach.url).stream, session, "Hello") for session in sessions]
    written: dict[tuple[object, int], tuple[str, object]] = {}
    with coach.database() as database:
        while not all(each.over for each in listening):
            rows = database.execute("SELECT turn_id, start, text, xmin::text FROM chat_piece").fetchall()
            written.update({(row[0], row[1]): (row[2], row[3]) for row in rows})
            time.sleep(0.1)
        took = time.monotonic() - begun  # four seconds, or longer on a busy machine
        assert database.execute("SELECT count(*) FROM chat_piece").fetchone() == (0,)
    turns = {turn for turn, _ in written}
    assert len(turns) == 20
    for turn in turns:
        pieces = sorted((start, text) for (of, start), (text, _) in written.items() if of == turn)
        assert [start for start, _ in pieces] == [sum(len(t) for _, t in pieces[:n]) for n in range(len(pieces))]
        assert vendor.base.text.startswith("".join(text for _, text in pieces))
        assert 2 <= len(pieces) <= took + 2
    # Twenty turns: a statement now and then, not one a turn and second.
    assert len({transaction for _, transaction in written.values()}) <= took * 15 / 4


def test_row_31_a_stop_under_load_lets_turns_end_and_takes_no_new_ones(vendor: Vendor, server: Serve) -> None:
    vendor.base = Scenario(words=60, pace=0.05)
    coach = server(**claude(vendor, COACH_LIMITS="off", WEB_CONCURRENCY="2", COACH_DRAIN_TIMEOUT="20"))
    followed = [Api(coach.url).start() for _ in range(20)]
    left = [Api(coach.url).start() for _ in range(5)]
    listening = [Listening(Api(coach.url).stream, session, "Hello") for session in followed]
    for session in left:
        with Api(coach.url).streaming(session, "Hello") as frames:
            next(frames)
    while len(vendor.turns) < 25:
        time.sleep(0.01)
    assert coach.stop() == 0
    replies = [each.reply() for each in listening]
    assert [reply.end.get("status") for reply in replies] == ["complete"] * 20
    assert [reply.text for reply in replies] == [vendor.base.text] * 20
    coach.start()
    for session in left:
        message = Api(coach.url).session(session)["messages"][-1]
        assert (message["status"], message["content"]) == ("complete", vendor.base.text)


def test_row_31_what_takes_longer_is_kept_and_told_before_the_process_goes(vendor: Vendor, pair: Pair) -> None:
    vendor.base = Scenario(words=2000, pace=0.02)
    one, other = pair(**claude(vendor, COACH_DRAIN_TIMEOUT="1"))
    sessions = [Api(one.url, f"user-{number}").start() for number in range(5)]
    listening = [Listening(Api(one.url).stream, session, "Hello") for session in sessions]
    while len(vendor.turns) < 5:
        time.sleep(0.01)
    turn = Api(one.url).wait_for(sessions[0], "running")["messages"][-1]["turn_id"]
    following = Listening(Api(other.url).join, turn)
    assert one.stop() == 0
    replies, far = [each.reply() for each in listening], following.reply()
    assert {reply.end["error"] for reply in (*replies, far)} == {"server_stopping"}
    for session in sessions:
        message = Api(other.url).session(session)["messages"][-1]
        assert message["status"] == "interrupted"
        assert message["content"] in {reply.text for reply in replies}
    assert far.text in {reply.text for reply in replies}


def test_row_31_a_turn_that_nobody_follows_has_all_of_the_drain_time(vendor: Vendor, server: Serve) -> None:
    """Also more of it than the half minute that the server has for what comes after its connections."""
    vendor.base = Scenario(words=340, pace=0.1)
    coach = server(**claude(vendor, COACH_DRAIN_TIMEOUT="60"))
    session = Api(coach.url).start()
    with Api(coach.url).streaming(session, "Hello") as frames:
        next(frames)
    assert coach.stop(timeout=90) == 0
    coach.start()
    message = Api(coach.url).session(session)["messages"][-1]
    assert (message["status"], message["content"]) == ("complete", vendor.base.text)


def test_row_31_connections_that_ask_nothing_hold_up_no_stop(server: Serve) -> None:
    """One that never sent a byte, one with half a request, one that had its answer."""
    coach = server(COACH_DRAIN_TIMEOUT="60")
    address = ("127.0.0.1", int(coach.url.rpartition(":")[2]))
    with (
        socket.create_connection(address),
        socket.create_connection(address) as half,
        socket.create_connection(address) as answered,
    ):
        half.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127")
        answered.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answered.recv(4096).startswith(b"HTTP/1.1 200")
        assert coach.stop(timeout=20) == 0
