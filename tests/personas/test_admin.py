"""An operator edits a persona in the admin, and the next turn has it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from personas import seed, versions
from personas.models import Persona

pytestmark = [pytest.mark.database, pytest.mark.django_db]

CHANGE = "/admin/personas/persona/calm_coach/change/"


@pytest.fixture
def admin(admin_client: Client) -> Client:
    seed.seed()
    return admin_client


def form_of(admin: Client, address: str) -> dict[str, object]:
    """The values with which the form at `address` comes."""
    shown = admin.get(address).context["adminform"].form
    return {name: shown[name].value() if shown[name].value() is not None else "" for name in shown.fields}


def edited(admin: Client, **changes: object) -> None:
    values = {**form_of(admin, CHANGE), **changes}
    if not isinstance(values["script"], str):
        values["script"] = "{}"
    answer = admin.post(CHANGE, values)
    assert answer.status_code == 302, answer.context["adminform"].form.errors


def test_a_save_is_a_new_version_by_that_operator(admin: Client) -> None:
    edited(admin, instructions="Whisper.", starters="One?\n\nTwo?", note="quieter")
    current = Persona.objects.get(id="calm_coach").current
    assert current is not None
    assert (current.number, current.instructions, current.starters) == (2, "Whisper.", ["One?", "Two?"])
    assert (current.created_by, current.note) == ("admin", "quieter")


def test_a_wrong_value_is_told_and_makes_nothing(admin: Client) -> None:
    values = {**form_of(admin, CHANGE), "avatar": "<script>", "script": "{}"}
    answer = admin.post(CHANGE, values)
    assert "avatar" in answer.context["adminform"].form.errors
    assert Persona.objects.get(id="calm_coach").versions.count() == 1


def test_a_new_coach_takes_no_code(admin: Client) -> None:
    fields = {
        "id": "yoga_coach",
        "position": 60,
        "name": "Yoga",
        "description": "Stretches.",
        "instructions": "You stretch.",
    }
    extra = {"tone": "gentle", "accent": "#112233", "script": "{}"}
    assert admin.post("/admin/personas/persona/add/", {**fields, **extra}).status_code == 302
    admin.post("/admin/personas/persona/", {"action": "publish", "_selected_action": ["yoga_coach"]})
    made = Persona.objects.get(id="yoga_coach")
    assert made.published
    assert made.current is not None
    assert made.current.number == 1


def test_the_prompt_is_shown_as_a_brain_gets_it(admin: Client) -> None:
    edited(admin, instructions="Say <b>nothing</b>.")
    page = admin.get("/admin/personas/persona/calm_coach/preview/?language=nb").content.decode()
    assert "Say &lt;b&gt;nothing&lt;/b&gt;." in page
    assert "Norwegian (nb)" in page


def test_versions_are_compared_and_brought_back(admin: Client) -> None:
    before = Persona.objects.get(id="calm_coach").current
    assert before is not None
    edited(admin, instructions="Whisper <i>.")
    address = "/admin/personas/persona/calm_coach/versions/"
    page = admin.get(address).content.decode()
    assert "+Whisper &lt;i&gt;." in page
    assert "From version 1 to 2" in page
    assert admin.post(address, {"number": "1"}).status_code == 302
    after = Persona.objects.get(id="calm_coach").current
    assert after is not None
    assert after.number == 3
    assert versions.content(after).instructions == before.instructions


def test_the_default_persona_can_be_neither_unpublished_nor_deleted(admin: Client) -> None:
    chosen = {"action": "unpublish", "_selected_action": ["default", "calm_coach"]}
    page = admin.post("/admin/personas/persona/", chosen, follow=True).content.decode()
    assert "cannot be unpublished" in page
    assert Persona.objects.get(id="default").published
    assert not Persona.objects.get(id="calm_coach").published
    assert admin.post("/admin/personas/persona/default/delete/", {"post": "yes"}).status_code == 403
    assert admin.post("/admin/personas/persona/calm_coach/delete/", {"post": "yes"}).status_code == 302
    assert not Persona.objects.filter(id="calm_coach").exists()


def test_a_stranger_is_sent_to_the_login(client: Client, admin: Client) -> None:
    for address in ("versions", "preview", "change"):
        answer = client.get(f"/admin/personas/persona/calm_coach/{address}/")
        assert answer.status_code == 302
        assert re.match(r"/admin/login/", answer.headers["Location"])


def test_a_persona_is_published_from_its_page(admin: Client) -> None:
    address = "/admin/personas/persona/calm_coach/publish/"
    for word, published in (("no", False), ("yes", True)):
        assert admin.post(address, {"published": word}).headers["Location"] == CHANGE
        assert Persona.objects.get(id="calm_coach").published is published
    page = admin.post("/admin/personas/persona/default/publish/", {"published": "no"}, follow=True).content.decode()
    assert "cannot be unpublished" in page
    assert admin.get(address).status_code == 405


def test_a_difference_marks_what_came_and_what_went(admin: Client) -> None:
    edited(admin, style="Short.")
    page = admin.get("/admin/personas/persona/calm_coach/versions/").content.decode()
    assert '<span class="added">+Short.</span>' in page
    assert 'class="gone">-' in page
    assert "Roll back to 1" in page
