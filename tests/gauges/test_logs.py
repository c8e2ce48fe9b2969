"""The log of a server in `token` mode, and the id of a request."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.coach_project.processes import until
from tests.gauges.conftest import SAID, USER, Gauged

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("gauges")]


def lines_of(gauged: Gauged, request: str, number: int) -> list[dict[str, Any]]:
    """What the log says of a request, once it says as much."""

    def found() -> list[dict[str, Any]]:
        return [line for line in gauged.lines() if line.get("request_id") == request]

    until(lambda: len(found()) >= number)
    return found()


def test_a_turns_line_and_its_requests_have_the_same_ids(gauged: Gauged) -> None:
    request = f"app-{secrets.token_hex(8)}"
    session = gauged.user.start()
    reply = gauged.user.stream(session, f"I like {SAID}", **{"X-Request-Id": request})
    assert reply.headers["X-Request-Id"] == request
    turn = reply.end["turn_id"]
    lines = {line["logger"]: line for line in lines_of(gauged, request, 2)}
    ended, answered = lines["chat.accounts"], lines["coach_project.journal"]
    assert (ended["turn_id"], ended["session_id"]) == (answered["turn_id"], answered["session_id"]) == (turn, session)
    assert ended["message"] == "turn complete"
    assert (ended["brain"], ended["model"], ended["status"], ended["fallback"]) == (
        "config",
        "scripted",
        "complete",
        False,
    )
    assert ended["output_tokens"] == reply.end["usage"]["output_tokens"]
    assert ended["ms"] >= ended["first_token_ms"] > 0
    assert (answered["method"], answered["route"], answered["status"]) == ("POST", "/chat/stream", 200)
    assert answered["level"] == ended["level"] == "INFO"
    age = datetime.now(UTC) - datetime.fromisoformat(ended["time"])
    assert timedelta(0) <= age < timedelta(minutes=5)


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "<b>", "línea", "a;b"])
def test_an_id_that_is_not_well_formed_is_replaced(gauged: Gauged, given: str) -> None:
    headers = {"X-Request-Id": given.encode("latin-1")} if given else {}
    answer = gauged.user.http.get("/chat/personas", headers=headers)  # type: ignore[arg-type]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_errors_too_bring_their_id_back_and_into_the_log(gauged: Gauged) -> None:
    for path, status, route in (("/nowhere", 403, "none"), ("/chat/turns/turn_0", 404, "/chat/turns/{turn_id}")):
        request = secrets.token_hex(8)
        answer = gauged.user.http.get(path, headers={"X-Request-Id": request})
        assert (answer.status_code, answer.headers["X-Request-Id"]) == (status, request)
        (line,) = lines_of(gauged, request, 1)
        assert (line["route"], line["status"]) == (route, status)


def test_probes_and_scrapes_are_not_told_while_they_are_well(gauged: Gauged) -> None:
    request = secrets.token_hex(8)
    for api, path in ((gauged.user, "/health/ready"), (gauged.user, "/health/live"), (gauged.operator, "/metrics")):
        assert api.http.get(path, headers={"X-Request-Id": request}).status_code == 200
    refused = gauged.user.http.get("/metrics", headers={"X-Request-Id": request})
    assert refused.status_code == 403
    (line,) = lines_of(gauged, request, 1)
    assert line["status"] == 403


def test_no_text_and_no_users_name_is_in_the_log(gauged: Gauged) -> None:
    request = secrets.token_hex(8)
    api = gauged.user
    reply = api.stream(api.start(title=f"About {SAID}"), f"I like {SAID}")
    turn = reply.end["turn_id"]
    listed = api.http.get("/chat/sessions", params={"user_id": USER, "search": SAID})
    assert listed.status_code == 200
    api.http.post("/chat/stream", json={"session_id": SAID, "message": SAID}, headers={"X-Request-Id": request})
    lines_of(gauged, request, 1)
    text = gauged.server.log.read_text(encoding="utf-8")
    assert turn in text
    assert SAID not in text
    assert USER not in text
    said = reply.text.split(". ")[0]
    assert len(said) > 10
    assert said not in text


def test_every_line_is_an_object_with_the_same_beginning(gauged: Gauged) -> None:
    gauged.user.start()
    until(lambda: len(gauged.lines()) > 2)
    for line in gauged.lines():
        assert list(line)[:4] == ["time", "level", "logger", "message"]
