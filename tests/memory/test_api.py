"""The paths of the memory, as apps call them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.ids import outside
from identity.models import Owner
from memory import finding
from memory.models import Fact, Passage
from tests.api import Api
from tests.coach_project.processes import until
from tests.conftest import Serve
from tests.memory.asking import add, call, texts
from tests.memory.conversations import owner
from tests.memory.talks import fact, talk
from tests.serving import Server

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NOW = "2026-05-20"


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_who_has_no_memory_reads_an_empty_one(api: Client) -> None:
    nothing = {"facts": [], "paused": False, "consent": {"health": False}, "next": None}
    for query in ({}, {"user_id": "nobody"}, {"user_id": "anonymous"}, {"user_id": "x" * 300}):
        assert call(api, "GET", "/memory", **query) == (200, nothing)
    assert not Owner.objects.exists()


def test_a_list_has_live_facts_newest_first_and_closed_ones_where_asked(api: Client) -> None:
    for text in ("Runs 10 km in 50:00.", "Runs 10 km in 48:12."):
        add(api, "kari", text, kind="record", slot="record:10k")
    add(api, "kari", "Likes tea.", kind="preference")
    assert texts(api, "kari") == ["Likes tea.", "Runs 10 km in 48:12."]
    assert texts(api, "kari", all="true") == ["Likes tea.", "Runs 10 km in 48:12.", "Runs 10 km in 50:00."]
    assert texts(api, "kari", all="false", kind="record") == ["Runs 10 km in 48:12."]
    assert texts(api, "kari", all="true", kind="record", q="50:00 KM") == ["Runs 10 km in 50:00."]
    assert texts(api, "kari", q="record:10k") == ["Runs 10 km in 48:12."]
    assert texts(api, "kari", q="100%") == texts(api, "kari", q="_____") == []


def test_a_list_comes_in_pages(api: Client) -> None:
    for number in range(5):
        add(api, "kari", f"Fact {number}.")
    found, cursor = [], ""
    for _ in range(3):
        told = call(api, "GET", "/memory", user_id="kari", limit=2, **({"cursor": cursor} if cursor else {}))[1]
        found.append([one["text"] for one in told["facts"]])
        cursor = told["next"]
    assert found == [["Fact 4.", "Fact 3."], ["Fact 2.", "Fact 1."], ["Fact 0."]]
    assert cursor is None


def test_a_list_takes_as_many_queries_for_many_as_for_one(api: Client) -> None:
    whose = owner("kari")
    counts = []
    for number in range(6):
        fact(whose, f"Likes tea {number}.", talk(whose, ("I like tea.", "Me too."))[0])
        with CaptureQueriesContext(connection) as queries:
            assert len(texts(api, "kari")) == number + 1
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_a_fact_is_shown_with_its_source_and_its_history(api: Client) -> None:
    whose = owner("kari")
    said = talk(whose, ("I ran 10 km in 48:12!", "Well done!"))[0]
    now = fact(whose, "Runs 10 km in 48:12.", said, kind="record", slot="record:10k")
    before = fact(whose, "Runs 10 km in 50:00.", valid_to=date(2026, 5, 20), superseded_by=now)
    first = fact(
        whose, "Runs 10 km in 55:00.", valid_from=date(2026, 4, 1), valid_to=date(2026, 5, 1), superseded_by=before
    )
    status, told = call(api, "GET", f"/memory/{now}", user_id="kari")
    assert status == 200
    assert told["source"] == {
        "message_id": outside("msg", said.id),
        "session_id": outside("session", said.session_id),
        "quote": "I ran 10 km in 48:12!",
        "said_at": "2026-05-20T00:00:00Z",
    }
    assert [one["fact_id"] for one in told["replaces"]] == [str(before), str(first)]
    assert (told["valid_from"], told["valid_to"], told["superseded_by"]) == (NOW, None, None)
    closed = call(api, "GET", f"/memory/{before}", user_id="kari")[1]
    assert (closed["valid_to"], closed["superseded_by"], closed["source"]) == (NOW, str(now), None)
    assert [one["fact_id"] for one in closed["replaces"]] == [str(first)]


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_a_fact_is_told_corrected_pinned_and_deleted(api: Client) -> None:
    told = add(api, "kari", "  Trains on Mondays. ", kind="schedule", slot="Schedule:Training", valid_from="2026-01-02")
    assert told["fact_id"].startswith("fact_")
    assert (told["text"], told["slot"], told["origin"]) == ("Trains on Mondays.", "schedule:training", "user")
    assert (told["valid_from"], told["pinned"], told["source"]) == ("2026-01-02", False, None)
    path = f"/memory/{told['fact_id']}"
    status, changed = call(api, "PATCH", path, {"user_id": "kari", "text": "Trains on Tuesdays.", "pinned": True})
    assert (status, changed["text"], changed["pinned"]) == (200, "Trains on Tuesdays.", True)
    assert texts(api, "kari") == ["Trains on Tuesdays."]
    gone = {"success": True, "fact_id": told["fact_id"], "facts": 1}
    assert call(api, "DELETE", path, user_id="kari") == (200, gone)
    assert call(api, "GET", path, user_id="kari")[0] == 404
    assert call(api, "DELETE", path, user_id="kari")[0] == 404


def test_a_coach_may_tell_a_fact_and_it_stays_theirs_when_it_is_pinned(api: Client) -> None:
    told = add(api, "kari", "Long runs on Sundays.", origin="coach", pinned=True)
    assert (told["origin"], told["pinned"], told["confidence"]) == ("coach", True, 1.0)


def test_a_fact_in_a_slot_closes_the_one_before_and_to_tell_it_again_changes_nothing(api: Client) -> None:
    before = add(api, "kari", "Runs 10 km in 50:00.", kind="record", slot="record:10k")
    now = add(api, "kari", "Runs 10 km in 48:12.", kind="record", slot="record:10k")
    assert [one["fact_id"] for one in now["replaces"]] == [before["fact_id"]]
    again = {"user_id": "kari", "kind": "record", "slot": "record:10k", "text": "runs 10 km in 48:12."}
    status, told = call(api, "POST", "/memory", again)
    assert (status, told["fact_id"]) == (200, now["fact_id"])
    assert Fact.objects.count() == 2


def test_today_is_the_users(api: Client) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):  # 25 hours apart
        Owner.objects.create(external_id=zone, time_zone=zone)
    days = [add(api, zone, "Likes tea.")["valid_from"] for zone in ("Pacific/Kiritimati", "Pacific/Niue")]
    assert days[0] > days[1]


@pytest.mark.parametrize("kind", ["injury", "health"])
def test_health_is_kept_with_consent_alone(api: Client, kind: str) -> None:
    body = {"user_id": "kari", "kind": kind, "text": "Hurt a knee."}
    status, told = call(api, "POST", "/memory", body)
    assert (status, told["error"]) == (409, "consent_required")
    other = add(api, "kari", "Hurt a knee.")
    status, told = call(api, "PATCH", f"/memory/{other['fact_id']}", {"user_id": "kari", "kind": kind})
    assert (status, told["error"]) == (409, "consent_required")
    status, told = call(api, "PATCH", "/memory/consent", {"user_id": "kari", "health": True})
    assert (status, told["consent"]) == (200, {"health": True})
    add(api, "kari", "Has asthma.", kind=kind)
    assert call(api, "GET", "/memory", user_id="kari")[1]["consent"] == {"health": True}
    call(api, "PATCH", "/memory/consent", {"health": False}, user_id="kari")
    assert not Fact.objects.filter(kind=kind).exists()
    assert texts(api, "kari", all="true") == ["Hurt a knee."]


def test_in_a_pause_nothing_is_written_and_things_can_be_forgotten(api: Client) -> None:
    told = add(api, "kari", "Likes tea.")
    assert call(api, "POST", "/memory/pause", {"user_id": "kari"})[1]["paused"] is True
    assert call(api, "GET", "/memory", user_id="kari")[1]["paused"] is True
    refused = [
        call(api, "POST", "/memory", {"user_id": "kari", "kind": "other", "text": "Likes coffee."}),
        call(api, "PATCH", f"/memory/{told['fact_id']}", {"user_id": "kari", "pinned": True}),
    ]
    assert [(status, body["error"]) for status, body in refused] == [(409, "memory_paused")] * 2
    assert call(api, "DELETE", f"/memory/{told['fact_id']}", user_id="kari")[0] == 200
    assert call(api, "POST", "/memory/resume", user_id="kari") == (
        200,
        {"paused": False, "consent": {"health": False}, "forgotten_at": None},
    )
    add(api, "kari", "Likes coffee.")


def test_a_topic_and_everything_can_be_forgotten(api: Client) -> None:
    whose = owner("kari")
    talk(whose, ("We adopted a kitten.", "How lovely!"), ("I like tea.", "Me too."))
    finding.find(100)
    add(api, "kari", "Has a kitten.")
    add(api, "kari", "Likes tea.")
    assert call(api, "POST", "/memory/forget", {"user_id": "kari", "topic": "pets"}) == (
        200,
        {"success": True, "facts": 1, "messages": 1},
    )
    assert texts(api, "kari") == ["Likes tea."]
    status, told = call(api, "POST", "/memory/forget", {"user_id": "kari", "all": True})
    assert (status, told) == (200, {"success": True, "facts": 1, "messages": 3})
    assert texts(api, "kari", all="true") == []
    assert not Passage.objects.exists()


def test_who_is_not_known_has_nothing_to_forget_and_is_not_made_for_it(api: Client) -> None:
    for what in ({"all": True}, {"topic": "tea"}):
        told = call(api, "POST", "/memory/forget", {"user_id": "nobody", **what})
        assert told == (200, {"success": True, "facts": 0, "messages": 0})
    assert not Owner.objects.exists()
    assert call(api, "POST", "/memory/pause", {"user_id": "new"})[1]["paused"] is True
    assert call(api, "GET", "/memory", user_id="new")[1]["paused"] is True


# --- A server ---------------------------------------------------------------------------------------------------------


def test_a_server_keeps_tells_exports_and_describes(coach: Server) -> None:
    kari = Api(coach.url, user="kari-exported")
    session = kari.start(title="Tea", language="nb-NO")
    for text in ("Jeg liker æble.", "And tea."):
        assert kari.message(session, text).status_code == 200
    Api(kari.url, user="ola").start(title="Not hers")
    added = kari.http.post("/memory", json={"user_id": kari.user, "kind": "preference", "text": "Liker æble."})
    assert added.status_code == 201
    assert kari.get("/memory/", user_id=kari.user)["facts"][0]["text"] == "Liker æble."
    answer = kari.http.get("/memory/export", params={"user_id": kari.user})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith('attachment; filename="memory-')
    told = answer.json()
    assert (told["format"], told["user_id"], told["language"]) == ("coach-memory-1", kari.user, "nb-NO")
    assert told["profile"] == {"paused": False, "consent": {"health": False}, "forgotten_at": None}
    assert [one["fact_id"] for one in told["facts"]] == [added.json()["fact_id"]]
    assert [one["session_id"] for one in told["sessions"]] == [session]
    assert told["sessions"][0]["messages"] == kari.session(session)["messages"]
    for nobody in ({}, {"user_id": "nobody"}, {"user_id": "anonymous"}):
        nothing = kari.http.get("/memory/export", params=nobody).json()
        assert (nothing["user_id"], nothing["facts"], nothing["sessions"]) == (None, [], [])
    assert kari.http.put("/memory", json={}).status_code == 405


def test_what_is_said_becomes_a_fact_that_can_be_traced_and_is_deleted_for_good(server: Serve) -> None:
    api = Api(server(COACH_BACKGROUND="on", COACH_MEMORY_DELAY="0").url, user="kari")
    session = api.start()
    said = api.stream(session, "My 10k record is 48:12.").end["user_message_id"]
    until(lambda: api.get("/memory", user_id="kari")["facts"])
    found = api.get("/memory", user_id="kari")["facts"][0]
    assert (found["kind"], found["slot"], found["origin"]) == ("record", "record:10k", "extracted")
    assert "48:12" in found["text"]
    assert (found["source"]["message_id"], found["source"]["session_id"]) == (said, session)
    assert found["source"]["quote"] in "My 10k record is 48:12."
    gone = api.http.delete(f"/memory/{found['fact_id']}", params={"user_id": "kari"})
    assert gone.json() == {"success": True, "fact_id": found["fact_id"], "facts": 1}
    api.message(api.start(), "My 10k record is 48:12.")
    api.message(api.start(), "My marathon record is 3:45:10.")
    until(lambda: api.get("/memory", user_id="kari")["facts"])
    assert [one["slot"] for one in api.get("/memory", user_id="kari", all="true")["facts"]] == ["record:marathon"]


def test_the_schema_is_valid_and_describes_every_path(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", file=str(file))
    schema = json.loads(file.read_text(encoding="utf-8"))
    paths = {path: sorted(set(methods) - {"parameters"}) for path, methods in schema["paths"].items()}
    assert {path: methods for path, methods in paths.items() if path.startswith("/memory")} == {
        "/memory": ["get", "post"],
        "/memory/{fact_id}": ["delete", "get", "patch"],
        "/memory/forget": ["post"],
        "/memory/pause": ["post"],
        "/memory/resume": ["post"],
        "/memory/consent": ["patch"],
        "/memory/export": ["get"],
    }
    answers = "200 201 400 401 403 409 413 415 429 503"
    assert sorted(schema["paths"]["/memory"]["post"]["responses"]) == answers.split()
    assert "source" in schema["components"]["schemas"]["FactDetail"]["properties"]
