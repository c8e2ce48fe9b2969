"""The worker as a process: many streams over few connections, kill -9, and a stop that waits."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
import time

import pytest

from chat.worker import born, host
from tests.api import Api, Reply
from tests.conftest import Serve
from tests.vendor import Scenario, Vendor


@pytest.mark.database
def test_thirty_streams_over_a_pool_of_four_all_finish(server: Serve) -> None:
    with Vendor(base=Scenario(words=10, wait=1.0, pace=0.05)) as vendor:
        coach = server(COACH_BRAIN="claude", ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=vendor.url, COACH_POOL_SIZE="4")
        sessions = [Api(coach.url, f"user-{number}").start() for number in range(30)]

        def talk(session: str) -> Reply:
            return Api(coach.url).stream(session, "Hello")

        most = idle = 0
        with concurrent.futures.ThreadPoolExecutor(30) as pool, coach.database() as database:
            talking = [pool.submit(talk, session) for session in sessions]
            while not all(future.done() for future in talking):
                counted = database.execute(
                    "SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%') FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                ).fetchone()
                assert counted is not None
                most, idle = max(most, counted[0]), max(idle, counted[1] if len(vendor.turns) == 30 else 0)
                asked = time.monotonic()
                assert Api(coach.url).http.get("/chat/personas").status_code == 200
                assert time.monotonic() - asked < 5
            assert [future.result().end["status"] for future in talking] == ["complete"] * 30
        assert len(vendor.turns) == 30
        assert 1 <= most <= 4
        assert idle == 0


@pytest.mark.database
def test_kill_9_of_everything_loses_no_row_and_frees_the_session(server: Serve) -> None:
    coach = server(COACH_PACE="5")
    api = Api(coach.url)
    before = api.start()
    session = api.start()
    kept = api.message(before, "ok").json()["message"]
    with api.streaming(session, "Tell me something long about squats") as frames:
        next(frames)
        children = [int(pid) for pid in _children(coach.pid)]
        coach.stop(signal.SIGKILL)
        for child in children:
            os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(born(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.01)
    coach.start()
    api = Api(coach.url)
    assert api.session(before)["messages"][1]["content"] == kept
    crashed = api.session(session)["messages"]
    assert [(message["role"], message["status"]) for message in crashed] == [("user", "failed")]
    assert crashed[0]["content"] == "Tell me something long about squats"
    assert api.message(session, "Once more").status_code == 200
    with coach.database() as database:
        errors = database.execute("SELECT error FROM chat_turn WHERE status = 'failed'").fetchall()
        workers = database.execute("SELECT count(*) FROM chat_worker").fetchone()
    assert errors == [("server_restarted",)]
    assert workers == (1,)


def test_a_stop_lets_running_turns_end_whether_followed_or_not(server: Serve) -> None:
    coach = server(COACH_PACE="20", COACH_DRAIN_TIMEOUT="20")
    api = Api(coach.url)
    followed, left = api.start(), api.start()
    replies: list[Reply] = []
    following = threading.Thread(target=lambda: replies.append(Api(coach.url).stream(followed, "Tell me about sleep")))
    following.start()
    with api.streaming(left, "Tell me about food") as frames:
        next(frames)
    api.wait_for(followed, "running")
    assert coach.stop() == 0
    following.join(30)
    assert replies[0].end["status"] == "complete"
    coach.start()
    for session in (followed, left):
        assert Api(coach.url).session(session)["messages"][1]["status"] == "complete"


def test_a_stop_interrupts_what_takes_too_long_and_keeps_it(server: Serve) -> None:
    coach = server(COACH_PACE="2", COACH_DRAIN_TIMEOUT="1")
    api = Api(coach.url)
    session = api.start()
    with api.streaming(session, "Tell me about sleep") as frames:
        seen = next(frames)["token"]
        assert coach.stop() == 0
        last = list(frames)[-1]
    assert last["error"] == "server_stopping"
    coach.start()
    stored = Api(coach.url).session(session)["messages"][1]
    assert stored["status"] == "interrupted"
    assert stored["content"].startswith(seen)


def test_a_process_is_known_by_its_birth() -> None:
    assert born(os.getpid()) == born(os.getpid()) != ""
    assert born(2**22 + 1) == ""
    assert host() == host()


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()
