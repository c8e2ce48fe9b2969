"""A user who goes leaves nothing behind, and what is too old goes by itself."""

from __future__ import annotations

import io
import json
import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from chat.models import Session
from identity import walls
from identity.models import Owner
from memory import erasure, tasks
from memory.models import Fact
from tests.api import Api
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.database

NOBODYS = {
    "admin.LogEntry": "what operators did in the admin",
    "auth.Permission": "",
    "auth.Group": "operators",
    "auth.User": "those who log in here: operators",
    "contenttypes.ContentType": "",
    "sessions.Session": "logins; each ends with its time",
    "procrastinate.ProcrastinateWorker": "",
    "procrastinate.ProcrastinateJob": "ids alone, for three days",
    "procrastinate.ProcrastinateEvent": "",
    "procrastinate.ProcrastinatePeriodicDefer": "",
    "brains.ActiveBrain": "",
    "brains.BrainSwitch": "which operator switched",
    "personas.Persona": "",
    "personas.PersonaVersion": "",
    "safety.RuleSet": "",
    "identity.ApiKey": "of apps",
    "identity.Spending": "digests, for a week",
    "identity.Reservation": "digests, while a turn runs",
    "identity.RequestCount": "digests, for two minutes",
    "axes.AccessAttempt": "logins of operators that failed; each ends with its lock",
    "axes.AccessAttemptExpiration": "",
    "axes.AccessFailureLog": "not written",
    "axes.AccessLog": "not written",
    "chat.Worker": "",
    "memory.Watermark": "",
}
"""Models without any user's data, and why where a reader may wonder."""


def holding(server: Server, word: str) -> list[str]:
    """The tables in which a word stands anywhere, whatever the column."""
    with server.database() as database:
        tables = [name for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        found = []
        for name in tables:
            query = f'SELECT count(*) FROM "{name}" AS one WHERE one::text ILIKE %s'  # noqa: S608 — our own names
            row = database.execute(query.encode(), [f"%{word}%"]).fetchone()
            if row and row[0]:
                found.append(name)
    return found


def test_every_model_is_somebodys_or_is_known_to_be_nobodys() -> None:
    somebodys = {model._meta.label for model in walls.walled()}
    every = {model._meta.label for model in apps.get_models()}
    assert every - somebodys == set(NOBODYS), "A new model: has it an owner, or a place in this list?"
    assert not somebodys & set(NOBODYS)


def test_an_erased_user_is_in_no_table_and_others_are(coach: Server) -> None:
    word = f"zeppelin{secrets.token_hex(4)}"
    api, other = Api(coach.url, f"user-{word}"), Api(coach.url, f"other-{secrets.token_hex(4)}")
    session = api.start(title=f"On {word}", metadata={"note": word})
    said = api.stream(session, f"My goal is a {word}", **{"Idempotency-Key": f"key-{word}"})
    api.regenerate(said.end["message_id"])
    api.http.post("/memory", params={"user_id": api.user}, json={"kind": "goal", "text": f"Wants a {word}"})
    kept = other.start(title="Kept")
    assert len(holding(coach, word)) >= 4
    answer = api.http.delete("/user", params={"user_id": api.user})
    assert answer.json() == {"success": True, "user_id": api.user, "sessions": 1, "facts": 1}
    assert holding(coach, word) == []
    assert api.http.get(f"/chat/sessions/{session}").status_code == 404
    assert other.session(kept)["title"] == "Kept"
    again = api.http.delete("/user", params={"user_id": api.user})
    assert (again.status_code, again.json()["sessions"]) == (200, 0)


def test_a_turn_that_runs_ends_with_its_user(vendored: Server, vendor: Vendor) -> None:
    vendor.base = Scenario(words=1000, pace=0.05)
    word = f"airship{secrets.token_hex(4)}"
    api = Api(vendored.url, f"user-{word}")
    session = api.start()
    with api.streaming(session, f"Tell me of the {word}") as frames:
        next(frames)
        assert api.http.delete("/user", params={"user_id": api.user}).status_code == 200
        last = list(frames)[-1]
    assert last.get("error") == "session_deleted" or last.get("status") == "stopped"
    assert holding(vendored, word) == []


@pytest.mark.parametrize("user", ["", "anonymous"])
def test_nobody_in_particular_can_not_be_erased(coach: Server, user: str) -> None:
    api = Api(coach.url)
    answer = api.http.delete("/user", params={"user_id": user} if user else {})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")


# --- The command, and what goes by itself ------------------------------------------------------------------------
@pytest.fixture
def owner(db: None) -> Owner:
    call_command("personas", "seed", stdout=io.StringIO())
    made = Owner.objects.create(external_id="kari")
    Session.objects.create(owner=made, persona_id="default", metadata={}, title="One")
    Fact.objects.create(
        owner=made, kind="goal", text="Row", quote="", origin="user", confidence=1, valid_from="2026-01-01"
    )
    return made


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("users", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_exports_and_erases(owner: Owner, tmp_path: Path) -> None:
    exported = json.loads(command("export", "kari"))
    assert [fact["text"] for fact in exported["facts"]] == ["Row"]
    command("export", "kari", "-o", str(tmp_path / "kari.json"))
    assert json.loads((tmp_path / "kari.json").read_text(encoding="utf-8"))["user_id"] == "kari"
    with pytest.raises(CommandError, match="--yes"):
        command("erase", "kari")
    assert command("erase", "kari", "--yes") == "erased kari: 1 sessions, 1 facts\n"
    assert not Owner.objects.exists()
    for action in (["export"], ["erase", "--yes"]):
        with pytest.raises(CommandError, match="Nothing is kept"):
            command(action[0], "kari", *action[1:])


def aged(owner: Owner, days: float) -> None:
    before = timezone.now() - timedelta(days=days)
    Session.objects.filter(owner=owner).update(updated_at=before)
    Fact.objects.filter(owner=owner).update(updated_at=before)
    Owner.objects.filter(pk=owner.pk).update(created_at=before)


def test_what_is_too_old_goes_and_the_rest_stays(owner: Owner) -> None:
    aged(owner, 31)
    fresh = Owner.objects.create(external_id="ola")
    Session.objects.create(owner=fresh, persona_id="default", metadata={}, title="Fresh")
    assert erasure.expire(timezone.now() - timedelta(days=32)) == erasure.Gone(0, 0, 0)
    assert erasure.expire(timezone.now() - timedelta(days=30)) == erasure.Gone(1, 1, 1)
    assert [session.title for session in Session.objects.all()] == ["Fresh"]
    assert [one.external_id for one in Owner.objects.all()] == ["ola"]


@pytest.mark.parametrize(("days", "left"), [pytest.param(0, 1, id="kept"), pytest.param(30, 0, id="thirty-days")])
def test_the_setting_says_how_long(owner: Owner, settings: Settings, days: int, left: int) -> None:
    settings.COACH_RETENTION_DAYS = days
    aged(owner, 31)
    tasks.expire(timestamp=0)
    assert Session.objects.count() == left
