"""One user's haste, against the limits."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from identity.quotas import subject
from tests.api import Api
from tests.conftest import Serve
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.database


def test_row_41_a_hundred_streams_of_one_user_that_are_closed_at_once(vendor: Vendor, server: Serve) -> None:
    vendor.base = Scenario(words=40, pace=0.1)
    coach = server(COACH_BRAIN="claude", ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=vendor.url)
    api = Api(coach.url, "hasty")
    sessions = [api.start() for _ in range(100)]
    with coach.database() as database:
        database.execute("INSERT INTO identity_budget (whose, app, tokens) VALUES ('user', '', 1000000)")

    def open_and_leave(session: str) -> int:
        body = {"session_id": session, "message": "Hello"}
        with httpx2.stream("POST", f"{coach.url}/chat/stream", json=body, timeout=60) as response:
            if response.status_code == 429:
                assert response.headers["Retry-After"] == "5"
                assert response.headers["RateLimit-Policy"] == '"turns";q=3;qu="concurrent-requests"'
            return response.status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = Counter(threads.map(open_and_leave, sessions))
    assert set(statuses) == {200, 429}
    assert len(vendor.turns) == statuses[200]
    with coach.database() as database:
        deadline = time.monotonic() + 60
        running = "SELECT count(*) FROM chat_turn WHERE status = 'running'"
        while database.execute(running).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        most = "SELECT count(*) FILTER (WHERE status = 'complete'), sum(input_tokens + output_tokens) FROM chat_turn"
        complete, tokens = database.execute(most).fetchone() or (0, 0)
        assert complete == statuses[200]
        counted = database.execute("SELECT tokens FROM identity_spending WHERE subject = %s", [subject("", "hasty")])
        assert counted.fetchall() == [(tokens,)]
