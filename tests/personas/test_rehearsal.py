"""Talking to a persona's unsaved words, in the admin of a real server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from brains import prices
from brains.types import Usage
from tests.api import Api, frames_of
from tests.conftest import Serve
from tests.databases import ADMIN
from tests.serving import Server
from tests.vendor import Vendor

COUNTS = """
SELECT (SELECT count(*) FROM chat_session), (SELECT count(*) FROM chat_message), (SELECT count(*) FROM chat_turn),
       (SELECT count(*) FROM personas_personaversion)
"""
URL = "/admin/personas/persona/rehearse/"
SCRIPT = {"openers": [], "replies": {"other": ["Unsaved words, {about}."]}, "closers": []}
FORM = {"instructions": "You whisper.", "script": json.dumps(SCRIPT), "brain": "config", "message": "Zebra?"}


def token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


@contextmanager
def logged_in(coach: Server) -> Iterator[httpx2.Client]:
    """An operator, who sends the form's token with each request."""
    with httpx2.Client(base_url=coach.url, timeout=30) as client:
        name, password = ADMIN
        asked = {"username": name, "password": password}
        form = {**asked, "csrfmiddlewaretoken": token(client.get("/admin/login/").text), "next": "/admin/"}
        assert client.post("/admin/login/", data=form).status_code == 302
        client.headers["X-CSRFToken"] = token(client.get("/admin/personas/persona/calm_coach/change/").text)
        yield client


@pytest.fixture(scope="module")
def operator(coach: Server) -> Iterator[httpx2.Client]:
    with logged_in(coach) as client:
        yield client


def rehearsed(operator: httpx2.Client, **fields: Any) -> tuple[str, dict[str, Any]]:
    answer = operator.post(URL, data={**FORM, **fields})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    *tokens, end = frames_of(answer.content)
    return "".join(frame["token"] for frame in tokens), end


def test_the_forms_words_answer_and_nothing_is_stored(coach: Server, operator: httpx2.Client) -> None:
    def rows() -> list[int]:
        with coach.database() as connection:
            return list(connection.execute(COUNTS).fetchall()[0])

    before = rows()
    text, end = rehearsed(operator)
    assert "Unsaved words, Zebra." in text
    assert {name: end[name] for name in ("done", "status", "brain", "cost")} == {
        "done": True,
        "status": "complete",
        "brain": "config",
        "cost": "0",
    }
    assert end["output_tokens"] > 0
    assert rows() == before


def test_what_was_said_before_goes_along(operator: httpx2.Client) -> None:
    _, alone = rehearsed(operator)
    history = json.dumps([["user", "Earlier words " * 40], ["assistant", "Earlier reply " * 40]])
    _, after = rehearsed(operator, history=history)
    assert after["input_tokens"] > alone["input_tokens"] + 100


def test_a_brain_that_is_not_ready_says_what_it_lacks(operator: httpx2.Client) -> None:
    answer = operator.post(URL, data={**FORM, "brain": "claude"})
    (end,) = frames_of(answer.content)
    assert end["error"] == "provider_config"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("message", " "),
        ("instructions", ""),
        ("script", "{"),
        ("script", '{"replies": 1}'),
        ("brain", "nobody"),
        ("history", "[]]"),
        ("history", '[["assistant", "a"], ["user", "b"]]'),
        ("history", '[["user", "a"]]'),
        ("history", '[["user", 1], ["assistant", "b"]]'),
    ],
)
def test_a_wrong_field_is_named(operator: httpx2.Client, name: str, value: str) -> None:
    answer = operator.post(URL, data={**FORM, name: value})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_neither_strangers_nor_other_sites_may_rehearse(coach: Server, operator: httpx2.Client) -> None:
    assert httpx2.post(f"{coach.url}{URL}", data=FORM).status_code in (302, 403)
    assert operator.post(URL, data=FORM, headers={"X-CSRFToken": "wrong"}).status_code == 403
    assert operator.get(URL).status_code == 405


def test_the_page_has_all_that_a_rehearsal_takes(operator: httpx2.Client) -> None:
    page = operator.get("/admin/personas/persona/calm_coach/change/").text
    for each in (page, operator.get("/admin/personas/persona/add/").text):
        assert f'data-url="{URL}"' in each
    assert "claude – " in page
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page + operator.get("/admin/").text):
        assert operator.get(path).status_code == 200, path


def test_a_turn_has_its_cost_which_users_do_not_see(coach: Server) -> None:
    api = Api(coach.url, user="payer")
    end = api.stream(api.start(), "Hello").end
    with coach.database() as connection:
        found = connection.execute("SELECT cost FROM chat_turn WHERE id = %s", [end["turn_id"].removeprefix("turn_")])
        assert found.fetchall() == [(0,)]
    assert "cost" not in api.http.get(f"/chat/turns/{end['turn_id']}").json()


def test_rehearsals_hold_no_connection_and_end_with_their_reader(server: Serve, vendor: Vendor) -> None:
    coach = server(
        COACH_BRAIN="claude",
        ANTHROPIC_API_KEY="a-key",
        ANTHROPIC_BASE_URL=vendor.url,
        COACH_POOL_SIZE="3",
        COACH_LIMITS="off",
    )
    asked = {**FORM, "brain": "", "message": "[[words=5000 pace=0.01]]"}
    with logged_in(coach) as operator:
        with ExitStack() as streams:  # of three connections one is for all pages
            for _ in range(3):
                frames = streams.enter_context(operator.stream("POST", URL, data=asked)).iter_lines()
                assert next(frames).startswith("data: ")
            assert operator.get("/admin/").status_code == 200
        deadline = time.monotonic() + 60
        while not all(call.left_at for call in vendor.turns) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [call.left_at is not None for call in vendor.turns] == [True] * 3
        _, end = rehearsed(operator, brain="")
    counted = [end[f"{name}_tokens"] for name in ("input", "output", "cache_read", "cache_write")]
    cost = prices.cost(end["model"], Usage(*counted))
    assert cost
    assert (end["brain"], Decimal(end["cost"])) == ("claude", cost)
    turn = Api(coach.url).stream(Api(coach.url).start(), "Hello").end["turn_id"]
    with coach.database() as connection:
        found = connection.execute("SELECT cost > 0, model FROM chat_turn WHERE id = %s", [turn.removeprefix("turn_")])
        assert found.fetchall() == [(True, end["model"])]
