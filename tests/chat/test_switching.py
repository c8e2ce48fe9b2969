"""Brains switch at run time, on every worker, and what answered is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from coach_project.launch import BASE_DIR
from tests.api import Api
from tests.conftest import Serve
from tests.databases import ADMIN
from tests.serving import Server
from tests.vendor import Vendor

pytestmark = pytest.mark.xdist_group("switching")


@pytest.fixture(scope="module")
def coach(_one_vendor: Vendor, _started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """Two workers; claude has a key, openai has none; openai and config stand behind claude."""
    server = _started(
        {
            "WEB_CONCURRENCY": "2",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": _one_vendor.url,
            "COACH_FALLBACK": "openai,config",
            "COACH_BREAKER_FAILURES": "1000",
        }
    )
    yield server
    server.close()
    assert not server.complaint()


def command(coach: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**coach.environment, "COACH_SERVING": ""}
    return subprocess.run(
        [sys.executable, "manage.py", "brain", *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answering(coach: Server) -> set[str]:
    """The brains that answer ten new connections, which both workers share."""
    return {Api(coach.url).message(Api(coach.url).start(), "Hello").json()["brain"] for _ in range(10)}


def test_a_switch_by_the_api_is_followed_by_all_workers_within_a_second(coach: Server) -> None:
    api = Api(coach.url)
    for alias in ("claude", "config"):
        switched = api.http.post("/brain/switch", json={"brain": alias}).json()
        assert switched == {"success": True, "active_brain": alias, "message": switched["message"]}
        assert answering(coach) == {alias}
        assert api.get("/brain/health")["active_brain"] == alias


def test_a_switch_by_the_command_and_the_admin_is_followed_too(coach: Server) -> None:
    assert command(coach, "use", "claude").returncode == 0
    assert answering(coach) == {"claude"}
    api = Api(coach.url)
    http = api.http
    http.get("/admin/login/")
    login = {"username": ADMIN[0], "password": ADMIN[1], "csrfmiddlewaretoken": http.cookies["csrftoken"]}
    assert http.post("/admin/login/?next=/admin/", data=login).status_code == 302
    change = "/admin/brains/activebrain/1/change/"
    assert http.get(change).status_code == 200
    answer = http.post(change, data={"alias": "config", "csrfmiddlewaretoken": http.cookies["csrftoken"]})
    assert answer.status_code == 302, answer.text
    assert answering(coach) == {"config"}
    with coach.database() as database:
        rows = database.execute(
            "SELECT who, from_alias, to_alias FROM brains_brainswitch ORDER BY id DESC LIMIT 2"
        ).fetchall()
    assert [row[1:] for row in rows] == [("claude", "config"), ("config", "claude")]
    assert rows[0][0] == ADMIN[0]


def test_a_switch_that_fails_changes_nothing(coach: Server) -> None:
    api = Api(coach.url)
    before = api.get("/brain/health")["active_brain"]
    unknown = api.http.post("/brain/switch", json={"brain": "hal"})
    assert (unknown.status_code, unknown.json()["error"]) == (400, "unknown_brain")
    unready = api.http.post("/brain/switch", json={"brain": "openai"})
    assert (unready.status_code, unready.json()["error"]) == (409, "brain_not_ready")
    assert "OPENAI_API_KEY" in unready.json()["message"]
    assert command(coach, "use", "openai").returncode != 0
    assert api.get("/brain/health")["active_brain"] == before


def test_a_session_keeps_the_brain_that_it_pins(coach: Server) -> None:
    api = Api(coach.url)
    session = api.start()
    api.http.patch(f"/chat/sessions/{session}", json={"brain": "claude"})
    assert api.message(session, "Hello").json()["brain"] == "claude"
    api.http.patch(f"/chat/sessions/{session}", json={"brain": None})
    api.http.post("/brain/switch", json={"brain": "config"})
    assert api.message(session, "Hello").json()["brain"] == "config"


def test_a_turn_ends_on_the_brain_it_began_with(coach: Server) -> None:
    api = Api(coach.url)
    api.http.post("/brain/switch", json={"brain": "claude"})
    with api.streaming(api.start(), "Hello [[words=40 pace=0.02]]") as frames:
        next(frames)
        assert Api(coach.url).http.post("/brain/switch", json={"brain": "config"}).status_code == 200
        assert list(frames)[-1]["brain"] == "claude"


def test_an_outage_before_the_first_word_passes_the_turn_on_and_says_so(coach: Server) -> None:
    api = Api(coach.url)
    api.http.post("/brain/switch", json={"brain": "claude"})
    session = api.start()
    reply = api.stream(session, "Hello [[status=529 error=overloaded_error]]")
    assert (reply.end["status"], reply.end["brain"], reply.end["fallback"]) == ("complete", "config", True)
    with coach.database() as database:
        row = database.execute(
            "SELECT brain, fallback FROM chat_turn WHERE id = %s", [reply.end["turn_id"][5:]]
        ).fetchone()
    assert row == ("config", True)
    begun = api.stream(session, "Hello [[words=9 cut=3]]")
    assert begun.end["error"] == "provider_interrupted"
    api.http.post("/brain/switch", json={"brain": "config"})


def test_without_a_chain_an_outage_is_told(vendored: Server) -> None:
    api = Api(vendored.url)
    assert api.stream(api.start(), "Hello [[status=529 error=overloaded_error]]").end["error"] == "provider_busy"


def test_without_any_key_the_server_runs_and_says_what_is_missing(server: Serve) -> None:
    bare = server()
    health = Api(bare.url).get("/brain/health")
    states = {brain["name"]: brain for brain in health["brains"]}
    assert (health["healthy"], states["config"]["healthy"], states["claude"]["healthy"]) == (True, True, False)
    listed = command(bare, "list").stdout
    assert "ANTHROPIC_API_KEY" in listed
    assert "OPENAI_API_KEY" in listed


def test_an_edited_persona_speaks_from_the_next_turn_on(coach: Server, vendor: Vendor) -> None:
    api = Api(coach.url)
    session = api.start(persona="calm_coach")
    api.http.patch(f"/chat/sessions/{session}", json={"brain": "claude"})
    api.message(session, "Hello")
    edit = (
        "from dataclasses import replace\n"
        "from personas import versions\n"
        "from personas.models import Persona\n"
        "old = versions.content(Persona.objects.get(id='calm_coach').current)\n"
        "versions.save('calm_coach', replace(old, instructions='Whisper only.'), 'test')\n"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", edit],
        cwd=BASE_DIR,
        env={**coach.environment, "COACH_SERVING": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for _ in range(4):
        Api(coach.url).message(session, "And now?")
        assert "Whisper only." in str(vendor.turns[-1].body)
    with coach.database() as database:
        found = database.execute(
            "SELECT persona_version FROM chat_turn WHERE session_id = %s ORDER BY created_at", [session[8:]]
        ).fetchall()
    assert [row[0] for row in found] == [1, 2, 2, 2, 2]
