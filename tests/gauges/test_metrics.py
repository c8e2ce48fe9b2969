"""GET /metrics of a server with two workers."""

from __future__ import annotations

import os
import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api import Listening, Reply
from tests.coach_project.processes import children, until
from tests.gauges.conftest import SAID, USER, Gauged

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("gauges")]


def turns(gauged: Gauged) -> tuple[int, int]:
    """How many have ended, and on how many workers, as the database has it."""
    with gauged.server.database() as database:
        row = database.execute(
            "SELECT count(*), count(DISTINCT worker) FROM chat_turn WHERE status <> 'running'"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def talk(gauged: Gauged, text: str = f"I like {SAID}") -> None:
    """A turn over a new connection, which either worker may take."""
    api = gauged.anew()
    assert api.stream(api.start(), text).end["status"] == "complete"


def on_both_workers(gauged: Gauged) -> int:
    """Turns until each worker has had some; how many there are."""
    deadline = time.monotonic() + 60
    while turns(gauged)[1] < 2:
        assert time.monotonic() < deadline
        for one in [Listening(_stream, gauged) for _ in range(8)]:
            one.reply()
    return turns(gauged)[0]


def _stream(gauged: Gauged) -> Reply:
    api = gauged.anew()
    return api.stream(api.start(), f"I like {SAID}")


def test_turns_of_both_workers_are_in_one_scrape_and_a_killed_worker_takes_none_along(gauged: Gauged) -> None:
    number = on_both_workers(gauged)
    assert gauged.sum("coach_turns_total", brain="config", status="complete", fallback="no") == number
    assert gauged.sum("coach_turn_seconds_count", brain="config", model="scripted") == number
    assert gauged.sum("coach_turn_first_token_seconds_count") == number
    assert gauged.sum("coach_tokens_total", kind="output") > number
    assert gauged.sum("coach_workers") == 2
    victim, _ = children(gauged.server.pid)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in children(gauged.server.pid) and len(children(gauged.server.pid)) == 2)
    until(lambda: gauged.sum("coach_workers") == 2)
    assert gauged.sum("coach_turns_total") == number
    talk(gauged)
    assert gauged.sum("coach_turns_total") == number + 1
    assert gauged.sum("coach_turns_running") == 0


def test_it_takes_the_scope_of_an_operator(gauged: Gauged) -> None:
    for api, status in ((gauged.user, 403), (gauged.client(), 401), (gauged.operator, 200)):
        answer = api.http.get("/metrics")
        assert answer.status_code == status, answer.text
    assert gauged.operator.http.post("/metrics", json={}).status_code == 405


def test_requests_are_counted_by_template_and_errors_by_code(gauged: Gauged) -> None:
    session = gauged.user.start()
    before = gauged.sum("coach_requests_total", route="/chat/sessions/{session_id}", status="2xx", method="GET")
    gauged.user.session(session)
    missing = gauged.user.http.get(f"/chat/sessions/session_{secrets.token_hex(16)}")
    nowhere = gauged.user.http.get(f"/{SAID}/{secrets.token_hex(8)}")
    assert (missing.status_code, nowhere.status_code) == (404, 403)
    assert gauged.sum("coach_requests_total", route="/chat/sessions/{session_id}", status="2xx") == before + 1
    assert gauged.sum("coach_requests_total", route="/chat/sessions/{session_id}", status="4xx") >= 1
    assert gauged.sum("coach_requests_total", route="none", status="4xx") >= 1
    assert gauged.sum("coach_request_seconds_count", route="/chat/start", method="POST") >= 1
    assert gauged.sum("coach_problems_total", code="not_found") >= 1
    assert gauged.sum("coach_problems_total", code="forbidden") >= 1


def test_what_is_now(gauged: Gauged) -> None:
    talk(gauged)
    figures = gauged.figures()
    assert figures["coach_database_up"] == {"": 1}
    assert figures["coach_jobs"].keys() == {"status=todo", "status=doing", "status=failed"}
    assert list(figures["coach_build_info"].values()) == [1]
    assert gauged.sum("coach_breakers", brain="claude", state="closed") == 2
    assert gauged.sum("coach_breakers", state="open") == 0
    assert gauged.sum("coach_pool_size", pool="turns") == 4  # COACH_POOL_SIZE 4: of each worker 2, and one for the ORM
    assert gauged.sum("coach_pool_size", pool="orm") == 2
    assert gauged.sum("coach_streams_open") == 0
    until(lambda: gauged.sum("coach_loop_lag_seconds_count") > 0)


def test_a_red_flag_is_counted_by_its_rule(gauged: Gauged) -> None:
    api = gauged.user
    rule = api.stream(api.start(), f"I have chest pain when I eat {SAID}").end["safety"]
    assert gauged.sum("coach_safety_findings_total", rule=rule, place="message") >= 1
    assert gauged.sum("coach_turns_total", brain="safety", status="complete") >= 1


def test_a_statement_that_waits_for_a_lock_is_counted_by_name_and_a_wait_for_a_connection_too(gauged: Gauged) -> None:
    """Each worker has two connections for turns: of six turns that a lock keeps waiting, one at least waits for a connection."""
    sessions = [gauged.user.start() for _ in range(6)]
    with gauged.server.database() as database, database.transaction():
        database.execute("LOCK TABLE chat_message IN ACCESS EXCLUSIVE MODE")
        waiting = [Listening(gauged.anew().stream, each, f"I like {SAID}") for each in sessions]
        until(lambda: locks(gauged) >= 2)
        time.sleep(1)  # longer than COACH_SLOW_QUERY: this is what is measured
    for one in waiting:
        assert one.reply().status in (200, 503)  # on a busy machine the wait may be longer than the pool's patience
    until(lambda: gauged.sum("coach_slow_statements_total", statement="chat.statements.SCENE") >= 2)
    until(lambda: gauged.sum("coach_pool_waits_total", pool="turns") >= 1)
    slow = [line["message"] for line in gauged.lines() if line["logger"] == "gauges.slow"]
    assert any(message.startswith("the statement chat.statements.SCENE took ") for message in slow)
    buckets = gauged.figures()["coach_pool_wait_seconds_bucket"]
    assert buckets["le=+Inf"] > buckets["le=0.5"]


def test_a_statement_of_django_is_slow_by_verb_and_table(gauged: Gauged) -> None:
    session = gauged.user.start()
    with gauged.server.database() as database, database.transaction():
        database.execute("LOCK TABLE chat_session IN ACCESS EXCLUSIVE MODE")
        asking = ThreadPoolExecutor(1).submit(gauged.anew().session, session)
        until(lambda: locks(gauged) >= 1)
        time.sleep(1)
    assert asking.result(60)["session_id"] == session
    assert gauged.sum("coach_slow_statements_total", statement="orm SELECT chat_session") >= 1


def locks(gauged: Gauged) -> int:
    """Statements that wait for a lock."""
    with gauged.server.database() as database:
        row = database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_no_text_and_no_users_name_is_in_the_metrics(gauged: Gauged) -> None:
    talk(gauged)
    text = gauged.operator.http.get("/metrics").text
    assert SAID not in text
    assert USER not in text
    assert "session_" not in text.replace("{session_id}", "").replace("coach_session_", "").replace("chat_session", "")
