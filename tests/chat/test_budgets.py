"""Budgets: reserved when a turn begins, settled when it ends, however it ends; of many at once none overdraws."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from identity.quotas import subject
from tests.api import Api, Listening, Reply
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("budgets")]

LONGEST = 4096
"""Tokens of a reply, of the claude brain's settings."""

Drawn = tuple[int, Decimal]


@pytest.fixture(scope="module")
def both(pair: Callable[..., tuple[Server, Server]], _one_vendor: Vendor) -> tuple[Server, Server]:
    brain = {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": _one_vendor.url}
    return pair(**brain, COACH_LEASE_TIMEOUT="3", COACH_POOL_SIZE="20")


@pytest.fixture
def budget(both: tuple[Server, Server]) -> Iterator[Callable[..., None]]:
    """Puts a budget into the database, for the time of a test: `budget("user", tokens=5000, user="kari")`."""

    def put(whose: str, *, app: str = "", user: str = "", tokens: int | None = None, cost: str | None = None) -> None:
        with both[0].database() as database:
            database.execute(
                "INSERT INTO identity_budget (whose, app, user_id, tokens, cost) VALUES"
                " (%s, %s, (SELECT id FROM identity_owner WHERE external_id = %s AND app = ''), %s, %s)",
                [whose, app, user, tokens, cost],
            )

    with both[0].database() as database:
        database.execute("DELETE FROM identity_spending")
    yield put
    with both[0].database() as database:
        database.execute("DELETE FROM identity_budget")


def drawn(server: Server, *whose: str) -> Drawn:
    """Tokens and USD, spent and reserved."""
    with server.database() as database:
        row = database.execute(
            "SELECT coalesce(sum(tokens), 0)::bigint, coalesce(sum(cost), 0) FROM identity_spending WHERE subject = %s",
            [subject(*whose)],
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def reserved(server: Server) -> int:
    with server.database() as database:
        row = database.execute("SELECT count(*) FROM identity_reservation").fetchone()
    assert row is not None
    return int(row[0])


def settled(server: Server, patience: float = 90) -> None:
    """Wait until no turn has anything reserved."""
    deadline = time.monotonic() + patience
    while reserved(server):
        assert time.monotonic() < deadline, "still reserved"
        time.sleep(0.05)


def someone() -> str:
    return f"user-{secrets.token_hex(4)}"


def refusal(reply: Reply) -> str:
    assert reply.status == 429, reply.raw
    assert b'"budget_exceeded"' in reply.raw
    assert 0 < int(reply.headers["Retry-After"]) <= 86_400
    return reply.raw.decode()


def test_of_many_turns_at_once_on_two_servers_none_overdraws_and_the_end_says_what_it_was(
    both: tuple[Server, Server], budget: Callable[..., None], vendor: Vendor
) -> None:
    most = 5 * LONGEST
    budget("app", tokens=most)
    vendor.base = Scenario(words=20, pace=0.2)
    apis = [Api(both[number % 2].url, someone()) for number in range(8)]
    sessions = [api.start() for api in apis]
    with ThreadPoolExecutor(8) as threads:
        sent = list(
            threads.map(lambda each: Listening(each[0].stream, each[1], "Hello"), zip(apis, sessions, strict=True))
        )
    seen = 0
    while not all(each.over for each in sent):
        seen = max(seen, drawn(both[0], "")[0])
        time.sleep(0.02)
    replies = [each.reply() for each in sent]
    told = [reply for reply in replies if reply.status == 200]
    assert 1 <= len(told) <= 4, "Five would have taken their longest replies and five prompts."
    assert LONGEST < seen <= most
    for reply in replies:
        if reply.status != 200:
            assert "tokens are left" in refusal(reply)
            assert reply.headers["RateLimit-Policy"] == f'"app-tokens";q={most};w=86400'
    settled(both[0])
    assert drawn(both[0], "")[0] == sum(sum(reply.end["usage"].values()) for reply in told)


def test_what_is_refused_has_left_nothing_and_fixed_answers_and_repeats_come_all_the_same(
    both: tuple[Server, Server], budget: Callable[..., None], vendor: Vendor
) -> None:
    api = Api(both[0].url, someone())
    session = api.start()
    first = api.stream(session, "Hello", **{"Idempotency-Key": "one"})
    budget("user", tokens=100)
    refused = api.stream(session, "Hello again")
    assert "user's budget" in refusal(refused)
    assert refused.headers["RateLimit"].startswith('"user-tokens";r=100;t=')
    assert api.message(session, "Hello again").json()["error"] == "budget_exceeded"
    assert len(api.session(session)["messages"]) == 2
    assert (drawn(both[0], "", api.user)[0], reserved(both[0])) == (0, 0)
    assert api.stream(session, "Hello", **{"Idempotency-Key": "one"}).end == first.end
    assert api.stream(session, "My chest hurts when I breathe").end["safety"] == "chest_pain"
    assert len(vendor.turns) == 1


@pytest.mark.parametrize("ending", ["complete", "refused", "failed", "cut", "stopped", "deleted", "killed"])
def test_however_a_turn_ends_what_it_spent_is_counted_and_nothing_stays_reserved(
    both: tuple[Server, Server], budget: Callable[..., None], vendor: Vendor, ending: str
) -> None:
    here, there = both
    budget("user", tokens=100_000, cost="5")
    api, far = Api(here.url, someone()), Api(there.url)
    session = api.start()
    vendor.base = {
        "complete": Scenario(words=10),
        "refused": Scenario(words=3, stop="refused"),
        "failed": Scenario(status=401),
        "cut": Scenario(words=500, pace=0.01, drop=30),
    }.get(ending, Scenario(words=2000, pace=0.02))
    sent = Listening(api.stream, session, "Hello")
    if ending in ("stopped", "deleted", "killed"):
        heard = far.wait_for(session, "running", patience=90)
        while len(heard["messages"][-1]["content"]) < 100:
            heard = far.session(session)
        assert LONGEST < drawn(here, "", api.user)[0] < LONGEST + 2000
        if ending == "stopped":
            far.stop(heard["messages"][-1]["turn_id"])
        elif ending == "deleted":
            assert far.http.delete(f"/chat/sessions/{session}").status_code == 200
        else:
            (worker,) = Path(f"/proc/{here.pid}/task/{here.pid}/children").read_text().split()
            os.kill(int(worker), signal.SIGKILL)
            here.tracebacks_allowed = True
    else:
        sent.reply()
    settled(here)
    tokens, cost = drawn(here, "", api.user)
    if ending == "failed":
        assert (tokens, cost) == (0, Decimal(0))
    else:
        assert 0 < tokens < LONGEST
        assert 0 < cost < Decimal("0.04")
    if ending == "complete":
        end = sent.reply().end
        assert tokens == sum(end["usage"].values())
        with here.database() as database:
            turn = end["turn_id"].removeprefix("turn_")
            assert database.execute("SELECT cost FROM chat_turn WHERE id = %s", [turn]).fetchone() == (cost,)


def test_the_most_particular_budget_holds_and_goes_with_its_user(
    both: tuple[Server, Server], budget: Callable[..., None], vendor: Vendor
) -> None:
    plain, favoured = Api(both[0].url, someone()), Api(both[1].url, someone())
    sessions = {api: api.start() for api in (plain, favoured)}
    budget("user", cost="0.0100")
    budget("user", user=favoured.user, tokens=1_000_000)
    assert "budget" in refusal(plain.stream(sessions[plain], "Hello"))
    assert favoured.stream(sessions[favoured], "Hello").end["done"] is True
    anybody = Api(both[0].url, "anonymous")
    assert anybody.stream(anybody.start(), "Hello").end["done"] is True, "Nobody in particular has no budget of a user."
    assert favoured.http.delete("/user", params={"user_id": favoured.user}).status_code == 200
    with both[0].database() as database:
        assert database.execute("SELECT user_id FROM identity_budget").fetchall() == [(None,)]
