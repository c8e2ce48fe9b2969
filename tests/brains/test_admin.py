"""The admin's pages of the brains."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from brains import switching
from brains.models import ActiveBrain, BrainSwitch

pytestmark = pytest.mark.django_db
PAGE = "/admin/brains/activebrain/1/change/"


@pytest.fixture(autouse=True)
def brains(settings: Settings) -> None:
    entry = {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {}}
    settings.BRAINS = {"config": entry, "other": entry, "keyed": {**entry, "REQUIRES": {"SOME_KEY": ""}}}
    settings.COACH_BRAIN = "config"


@pytest.fixture
def ada(client: Client) -> Client:
    """An operator, logged in."""
    client.force_login(User.objects.create_superuser("ada"))
    return client


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_leads_to_the_one_page_and_looking_changes_nothing(ada: Client) -> None:
    assert ada.get("/admin/brains/activebrain/")["Location"] == PAGE
    assert "config" in page(ada, PAGE)
    assert not ActiveBrain.objects.exists()
    assert ada.get(PAGE.replace("1", "2")).status_code == 302


def test_the_page_marks_brains_that_want_something(ada: Client) -> None:
    text = page(ada, PAGE)
    assert "needs SOME_KEY" in text
    assert 'value="other"' in text


def test_choosing_another_brain_switches_and_records_who(ada: Client) -> None:
    assert ada.post(PAGE, {"alias": "other"}).status_code == 302
    assert switching.active() == "other"
    made = BrainSwitch.objects.get()
    assert (made.who, made.from_alias, made.to_alias) == ("ada", "config", "other")
    assert "ada" in page(ada, "/admin/brains/brainswitch/")


@pytest.mark.parametrize("alias", ["keyed", "nope", ""])
def test_a_brain_that_cannot_be_used_is_refused(ada: Client, alias: str) -> None:
    response = ada.post(PAGE, {"alias": alias})
    assert response.status_code == 200
    assert switching.active() == "config"
    assert not BrainSwitch.objects.exists()


def test_the_record_cannot_be_changed(ada: Client) -> None:
    made = switching.switch("other", "ada")
    path = f"/admin/brains/brainswitch/{made.pk}"
    assert ada.post(f"{path}/change/", {"who": "bob"}).status_code == 403
    assert ada.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert ada.get("/admin/brains/brainswitch/add/").status_code == 403
    assert ada.get("/admin/brains/activebrain/add/").status_code == 403
    assert BrainSwitch.objects.get().who == "ada"
