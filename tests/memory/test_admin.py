"""Facts and profiles in the admin."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.ids import outside
from chat.models import Message
from identity.models import Owner
from memory import profiles
from memory.models import Fact, Profile, Tombstone
from personas import seed
from tests.memory.talks import fact, talk

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def said() -> list[Message]:
    seed.seed()
    owner = Owner.objects.create(external_id="someone-special")
    profiles.of(owner.pk)
    return talk(owner, ("I run <b>10 km</b> in 48:12.", "Well done!"))


@pytest.fixture
def one(said: list[Message]) -> Fact:
    return fact(said[0].owner, "Runs <b>10 km</b> in 48:12.", said[0], kind="record", slot="record:10k")


def test_a_fact_shows_its_words_its_source_and_its_history(admin_client: Client, one: Fact) -> None:
    before = fact(one.owner, "Runs 10 km in 50:00.", slot="record:10k", valid_to=date(2026, 5, 20), superseded_by=one)
    page = admin_client.get(f"/admin/memory/fact/{one.id}/change/").content.decode()
    assert "Runs &lt;b&gt;10 km&lt;/b&gt; in 48:12." in page
    assert "<b>10 km" not in page
    assert one.message is not None
    assert f"/admin/chat/session/{one.message.session_id}/change/" in page
    assert "Runs 10 km in 50:00." in page
    assert "_save" not in page
    page = admin_client.get(f"/admin/memory/fact/{before.id}/change/").content.decode()
    assert f"/admin/memory/fact/{one.id}/change/" in page


def test_facts_are_found_by_id_and_user_and_filtered(admin_client: Client, one: Fact) -> None:
    shown = outside("fact", one.id)
    live, closed = {"valid_to__isempty": "1"}, {"valid_to__isempty": "0"}
    for query in ({"q": shown}, {"q": "someone-sp"}, {"kind__exact": "record"}, live, {"origin__exact": "extracted"}):
        assert shown in admin_client.get("/admin/memory/fact/", query).content.decode(), query
    for query in ({"q": "nobody"}, {"kind__exact": "goal"}, closed, {"pinned__exact": "1"}):
        assert shown not in admin_client.get("/admin/memory/fact/", query).content.decode(), query


def test_a_list_takes_as_many_queries_for_many_as_for_one(admin_client: Client, one: Fact) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(address).status_code == 200
        return len(captured)

    before = [queries("/admin/memory/fact/"), queries("/admin/memory/profile/")]
    for number in range(10):
        owner = Owner.objects.create(external_id=f"other-{number}")
        profiles.of(owner.pk)
        fact(owner, "Likes tea.", talk(owner, ("I like tea.", "Me too."))[0])
    assert [queries("/admin/memory/fact/"), queries("/admin/memory/profile/")] == before


def test_profiles_show_what_is_wanted_and_how_many_facts_are_live(admin_client: Client, one: Fact) -> None:
    fact(one.owner, "Ran 10 km in 50:00.", valid_to=date(2026, 5, 20), superseded_by=one)
    profiles.pause(one.owner_id)
    page = admin_client.get("/admin/memory/profile/", {"q": "someone", "paused__exact": "1"}).content.decode()
    assert "someone-special" in page
    assert '<td class="field-live_facts">1</td>' in page
    assert "someone-special" not in admin_client.get("/admin/memory/profile/", {"q": "nobody"}).content.decode()
    assert "_save" not in admin_client.get(f"/admin/memory/profile/{one.owner_id}/change/").content.decode()


def test_nothing_can_be_added_or_changed(admin_client: Client, one: Fact) -> None:
    profile = Profile.objects.get()
    for address in (f"fact/{one.id}/change/", f"profile/{profile.pk}/change/", "fact/add/", "profile/add/"):
        assert admin_client.post(f"/admin/memory/{address}", {"text": "Other", "paused": "on"}).status_code == 403
    assert admin_client.post(f"/admin/memory/profile/{profile.pk}/delete/", {"post": "yes"}).status_code == 403
    one.refresh_from_db()
    profile.refresh_from_db()
    assert (one.text, profile.paused) == ("Runs <b>10 km</b> in 48:12.", False)


def test_who_may_only_look_cannot_delete(client: Client, one: Fact) -> None:
    looking = User.objects.create_user("looking", password="a-password-for-tests", is_staff=True)
    client.force_login(looking)
    assert client.get("/admin/memory/fact/").status_code == 403
    looking.user_permissions.set(Permission.objects.filter(codename__in=["view_fact"]))
    assert outside("fact", one.id) in client.get("/admin/memory/fact/").content.decode()
    assert client.post(f"/admin/memory/fact/{one.id}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(one.id), "post": "yes"}
    client.post("/admin/memory/fact/", chosen)
    assert Fact.objects.filter(id=one.id).exists()


@pytest.mark.parametrize("way", ["one", "chosen"])
def test_who_may_delete_leaves_a_tombstone(client: Client, one: Fact, way: str) -> None:
    deleting = User.objects.create_user("deleting", password="a-password-for-tests", is_staff=True)
    deleting.user_permissions.set(Permission.objects.filter(codename__in=["view_fact", "delete_fact"]))
    client.force_login(deleting)
    other = fact(one.owner, "Likes tea.")
    if way == "one":
        answer = client.post(f"/admin/memory/fact/{one.id}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": str(one.id), "post": "yes"}
        answer = client.post("/admin/memory/fact/", chosen)
    assert answer.status_code == 302
    assert list(Fact.objects.all()) == [other]
    assert Tombstone.objects.get().owner_id == one.owner_id
