"""Rules are written in the admin as versions, put into use, and what they say holds from the next turn on."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from chat.ids import new_id
from identity.models import Owner
from safety.models import Hold, RuleSet
from safety.rules import delivered_content
from tests.api import Api
from tests.conftest import Serve

pytestmark = pytest.mark.database

KNEE = {"rules": [{"id": "knee", "asked": {"en": ["knee"]}, "answer": {"en": "Rest the knee."}}]}


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="not-used-here-1"))
    return client


def act(admin: Client, page: str, action: str, *chosen: int) -> str:
    answer = admin.post(reverse(page), {"action": action, "_selected_action": chosen}, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def write(admin: Client, content: object) -> str:
    page = admin.post(
        reverse("admin:safety_ruleset_add"), {"content": json.dumps(content), "note": "Knees"}, follow=True
    )
    return page.content.decode()


def test_a_new_version_begins_as_the_one_in_use_and_is_checked(admin: Client) -> None:
    page = admin.get(reverse("admin:safety_ruleset_add"))
    assert page.context["adminform"].form.initial["content"] == delivered_content()
    assert "needs an answer in en" in write(admin, {"rules": [{"id": "a", "asked": {"en": ["knee"]}}]})
    assert not RuleSet.objects.exists()
    write(admin, KNEE)
    made = RuleSet.objects.get()
    assert (made.content, made.in_use, made.note, made.created_by) == (KNEE, False, "Knees", "operator")
    assert "is in use" in act(admin, "admin:safety_ruleset_changelist", "use", made.pk)
    page = admin.get(reverse("admin:safety_ruleset_add"))
    assert page.context["adminform"].form.initial["content"] == KNEE


def test_one_version_is_in_use_and_none_changes_or_goes(admin: Client) -> None:
    first, second = (RuleSet.objects.create(content=KNEE) for _ in range(2))
    page = "admin:safety_ruleset_changelist"
    assert "Choose one" in act(admin, page, "use", first.pk, second.pk)
    for chosen in (first, second):
        act(admin, page, "use", chosen.pk)
        assert list(RuleSet.objects.filter(in_use=True)) == [chosen]
    assert "delivered" in act(admin, page, "use_delivered", first.pk)
    assert not RuleSet.objects.filter(in_use=True).exists()
    address = reverse("admin:safety_ruleset_change", args=[first.pk])
    assert admin.post(address, {"content": "{}"}).status_code == 403
    assert admin.post(reverse("admin:safety_ruleset_delete", args=[first.pk]), {"post": "yes"}).status_code == 403


def test_an_operator_clears_a_hold_and_is_named(admin: Client) -> None:
    hold = Hold.objects.create(owner=Owner.objects.create(external_id="kari"), session=new_id(), rule="fainting")
    assert "fainting" in admin.get(reverse("admin:safety_hold_changelist")).content.decode()
    assert "1 cleared" in act(admin, "admin:safety_hold_changelist", "clear", hold.pk)
    hold.refresh_from_db()
    assert (hold.cleared_by, hold.cleared_at is not None) == ("operator", True)
    assert "0 cleared" in act(admin, "admin:safety_hold_changelist", "clear", hold.pk)


def test_rules_in_use_hold_from_the_next_turn_on(server: Serve) -> None:
    one = server(COACH_PACE="0")
    api = Api(one.url, "rules")
    session = api.start()
    assert "safety" not in api.stream(session, "My knee is sore").end
    with one.database() as database:
        insert = "INSERT INTO safety_ruleset (content, in_use, note, created_at, created_by) VALUES (%s, true, '', now(), '')"
        database.execute(insert, [json.dumps(KNEE)])
    reply = api.stream(session, "My knee is sore")
    assert (reply.end["safety"], reply.text) == ("knee", "Rest the knee.")
    assert "safety" not in api.stream(session, "I have chest pain").end
    with one.database() as database:
        database.execute("UPDATE safety_ruleset SET in_use = false")
    assert api.stream(session, "I have chest pain").end["safety"] == "chest_pain"
