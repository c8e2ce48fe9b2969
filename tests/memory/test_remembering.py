"""Memory as a user meets it: a real server with its background worker, and a stub that shows what a brain is given."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api import Api
from tests.coach_project.processes import children, until
from tests.conftest import Serve
from tests.memory.servers import indexed
from tests.serving import Server
from tests.vendor import Vendor

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("remembering")]

KNEE = "I hurt my left knee skiing in Hemsedal."
ASKED = "What did I say about my knee?"
BACKGROUND = {"COACH_BACKGROUND": "on", "COACH_MEMORY_DELAY": "0"}


@pytest.fixture(scope="module")
def one(_started: Callable[[dict[str, str]], Server], _one_vendor: Vendor) -> Iterator[Server]:
    """A server whose brain is the stub."""
    there = {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": _one_vendor.url}
    server = _started({**BACKGROUND, **there})
    yield server
    server.close()
    assert not server.complaint(), server.complaint()


def last_line(vendor: Vendor, text: str) -> str:
    """The last line that the brain was given when this was said; the background asks it, too."""
    calls = [call for call in vendor.turns if call.message.endswith(text)]
    return str(calls[-1].body["messages"][-1]["content"])


def asked_with(vendor: Vendor, api: Api, text: str = ASKED, **session: object) -> str:
    """What the brain is given as the last line when this is said in a new session."""
    api.stream(api.start(**session), text)
    return last_line(vendor, text)


def test_what_was_said_in_another_session_comes_back_as_a_dated_quote(one: Server, vendor: Vendor) -> None:
    api = Api(one.url, "kari")
    said = api.stream(api.start(), KNEE)
    until(lambda: indexed(one, "kari") == 2)
    session = api.start()
    reply = api.stream(session, ASKED)
    line = last_line(vendor, ASKED)
    assert line.startswith("<recalled>\n")
    assert line.endswith(f"</recalled>\n\n{ASKED}")
    assert f"{time.strftime('%Y-%m-%d', time.gmtime())}, user: {json.dumps(KNEE)}" in line
    used = api.get(f"/chat/turns/{reply.end['turn_id']}/manifest")["used"]["recalled"]
    assert said.end["user_message_id"] in used
    assert api.get(f"/chat/sessions/{session}")["messages"][0]["content"] == ASKED
    assert KNEE not in asked_with(vendor, Api(one.url, "ola"))
    assert KNEE not in asked_with(vendor, api, metadata={"temporary": True})


def test_the_prefix_is_the_same_bytes_from_turn_to_turn_until_a_fact_changes(one: Server, vendor: Vendor) -> None:
    api = Api(one.url, "liv")
    api.http.post("/memory", json={"user_id": "liv", "kind": "other", "text": "Has a dog called Ada."})
    session = api.start()

    def given(text: str) -> tuple[str, list[str]]:
        """The system blocks as they were sent, and the lines' texts."""
        vendor.reset()
        api.stream(session, text)
        (call,) = [call for call in vendor.turns if call.message.endswith(text)]
        lines = [line["content"] for line in call.body["messages"]]
        return json.dumps(call.body["system"]), [x if isinstance(x, str) else x[0]["text"] for x in lines]

    first, second, third = (given(text) for text in (KNEE, "How was Ada?", "And what is next?"))
    assert "Ada" in first[0]
    assert first[0] == second[0] == third[0]
    assert third[1][: len(second[1])] == second[1]
    assert second[1][:1] == first[1]
    api.http.post("/memory", json={"user_id": "liv", "kind": "other", "text": "Has a cat called Bo."})
    fourth, fifth = given("Well?"), given("And then?")
    assert fourth[0] == fifth[0] != third[0]
    assert "Bo" in fourth[0]


def test_recall_that_takes_too_long_is_left_out(one: Server, vendor: Vendor) -> None:
    api = Api(one.url, "per")
    api.stream(api.start(), KNEE)
    until(lambda: indexed(one, "per") == 2)
    with one.database() as database, database.transaction():
        database.execute("LOCK memory_posting IN ACCESS EXCLUSIVE MODE")
        assert asked_with(vendor, api) == ASKED
    assert KNEE in asked_with(vendor, api)


def test_what_ended_while_nobody_listened_is_found_later(server: Serve) -> None:
    one = server(**{**BACKGROUND, "COACH_BACKGROUND": "off"})
    api = Api(one.url, "kari")
    api.stream(api.start(), KNEE)
    one.stop(signal.SIGKILL)
    one.environment["COACH_BACKGROUND"] = "on"
    one.start()
    until(lambda: indexed(one, "kari") == 2)


def test_a_background_worker_that_is_killed_is_replaced(server: Serve) -> None:
    one = server(**BACKGROUND)
    api = Api(one.url, "kari")
    beside = _beside(one.pid)
    until(lambda: bool(children(beside)))
    (worker,) = children(beside)
    os.kill(worker, signal.SIGKILL)
    until(lambda: bool(children(beside)) and children(beside) != [worker])
    api.stream(api.start(), KNEE)
    until(lambda: indexed(one, "kari") == 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_background_ends_with_its_server(server: Serve, number: signal.Signals) -> None:
    one = server(**BACKGROUND)
    beside = _beside(one.pid)
    until(lambda: bool(children(beside)))
    family = [beside, *children(beside)]
    one.stop(number)
    until(lambda: not any(_words(pid) for pid in family))


def test_a_worker_ends_with_the_process_that_keeps_it(server: Serve) -> None:
    beside = _beside(server(**BACKGROUND).pid)
    until(lambda: bool(children(beside)))
    (worker,) = children(beside)
    os.kill(beside, signal.SIGKILL)
    until(lambda: not _words(worker))


def _beside(master: int) -> int:
    found = list[int]()

    def look() -> bool:
        found[:] = [pid for pid in children(master) if b"coach_project.background" in _words(pid)]
        return len(found) == 1

    until(look)
    return found[0]


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
