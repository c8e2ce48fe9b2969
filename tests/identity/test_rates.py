"""Requests are counted for all workers together: never more than the limit, and the answers say what is left."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.api import Api
from tests.identity.provider import Provider
from tests.serving import Server

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("identity")]

MOST = 20
LEFT = re.compile(r'"user";r=(\d+);t=(\d+)')


@pytest.fixture(scope="module")
def two(pair: Callable[..., tuple[Server, Server]], provider: Provider) -> tuple[Server, Server]:
    limits = {"COACH_REQUESTS_PER_USER": str(MOST), "COACH_REQUESTS_PER_APP": "0"}
    return pair(COACH_AUTH="token", DJANGO_SECRET_KEY=secrets.token_urlsafe(50), **limits, **provider.environment())


def ask(server: Server, token: str, path: str = "/chat/sessions") -> httpx2.Response:
    return httpx2.get(f"{server.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def test_two_servers_count_together_and_never_beyond(two: tuple[Server, Server], provider: Provider) -> None:
    token = provider.token(f"eager-{secrets.token_hex(4)}")
    with two[0].database() as database, ThreadPoolExecutor(8) as threads:
        before = database.execute("SELECT coalesce(sum(count), 0) FROM identity_requestcount").fetchone()
        answers = list(threads.map(lambda number: ask(two[number % 2], token), range(3 * MOST)))
        counts = database.execute("SELECT count FROM identity_requestcount").fetchall()
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    assert statuses[429] >= MOST, "A minute may have ended in between, not two."
    assert before is not None
    assert statuses[200] == sum(count for (count,) in counts) - before[0]
    assert max(count for (count,) in counts) <= MOST
    for answer in answers:
        found = LEFT.fullmatch(answer.headers["RateLimit"])
        assert found
        assert answer.headers["RateLimit-Policy"] == f'"user";q={MOST};w=60'
        assert 0 <= int(found[1]) < MOST
        assert 0 < int(found[2]) <= 60
        if answer.status_code == 429:
            assert found[1] == "0"
            assert answer.headers["Retry-After"] == found[2]
            assert answer.json()["error"] == "rate_limited"


def test_one_users_haste_is_not_anothers_and_what_is_open_to_all_is_not_counted(
    two: tuple[Server, Server], provider: Provider
) -> None:
    hasty, calm = (provider.token(f"{name}-{secrets.token_hex(4)}") for name in ("hasty", "calm"))
    refused = [answer for answer in (ask(two[0], hasty) for _ in range(2 * MOST + 1)) if answer.status_code == 429]
    assert refused
    assert ask(two[0], calm).status_code == 200
    assert "RateLimit" not in httpx2.get(f"{two[0].url}/health/live").headers
    stream = httpx2.post(f"{two[1].url}/chat/stream", json={}, headers={"Authorization": f"Bearer {calm}"}, timeout=30)
    assert stream.status_code == 400
    assert LEFT.fullmatch(stream.headers["RateLimit"])


@pytest.fixture
def spent(two: tuple[Server, Server], provider: Provider) -> Iterator[tuple[Api, Callable[[], None]]]:
    """A user's client, and what sends requests until no more are taken."""
    user = f"keyed-{secrets.token_hex(4)}"
    token = provider.token(user)
    api = Api(two[0].url, user)
    api.http.headers["Authorization"] = f"Bearer {token}"

    def spend() -> None:
        while ask(two[1], token).status_code != 429:
            pass

    yield api, spend
    api.http.close()


def test_beyond_the_limit_a_key_finds_what_it_began_and_begins_nothing(spent: tuple[Api, Callable[[], None]]) -> None:
    api, spend = spent

    def post(path: str, key: str, **body: str) -> httpx2.Response:
        return api.http.post(path, json=body, headers={"Idempotency-Key": key})

    session = post("/chat/start", "start").json()["session_id"]
    told = post("/chat/message", "send", session_id=session, message="Hello").json()
    asked = api.session(session)["messages"][0]["message_id"]
    regenerate, edit = (f"/chat/messages/{asked}/{verb}" for verb in ("regenerate", "edit"))
    begun = post(regenerate, "again")
    spend()
    assert post("/chat/start", "start").json()["session_id"] == session
    assert post("/chat/message", "send", session_id=session, message="Hello").json()["message_id"] == told["message_id"]
    assert post(regenerate, "again").headers["X-Turn-Id"] == begun.headers["X-Turn-Id"]
    sending = {"session_id": session, "message": "Hello again"}
    paths = {
        "/chat/start": {},
        "/chat/message": sending,
        "/chat/stream": sending,
        regenerate: {},
        edit: {"message": "Hi"},
    }
    for path, body in paths.items():
        for _ in range(3):  # a minute may end between the two
            spend()
            refused = post(path, secrets.token_hex(8), **body)
            if refused.status_code == 429:
                break
        assert (path, refused.status_code, refused.json()["error"]) == (path, 429, "rate_limited")
        assert refused.headers["RateLimit"].startswith('"user";r=0;t=')
