"""The paths of the memory, asked wrongly, or by one user of another's."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.ids import new_id, outside
from identity.callers import OPEN
from identity.models import Owner
from memory import exports, finding, profiles, reading
from memory.models import Fact, Kind, Passage, Profile
from tests.memory.asking import add, call, texts
from tests.memory.conversations import owner
from tests.memory.talks import fact, talk

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NOW = "2026-05-20"


# --- Bad input --------------------------------------------------------------------------------------------------------

NOBODYS = f"/memory/fact_{'7' * 32}"

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/memory", {"kind": "other", "text": "Likes tea."}),
    ("PATCH", NOBODYS, {"text": "Likes tea."}),
    ("DELETE", NOBODYS, None),
    ("POST", "/memory/forget", {"all": True}),
    ("POST", "/memory/pause", {}),
    ("POST", "/memory/resume", {}),
    ("PATCH", "/memory/consent", {"health": True}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("user", ["", "anonymous", "x" * 201])
def test_who_writes_says_whose_memory(api: Client, method: str, path: str, body: Any, user: str) -> None:
    status, told = call(api, method, path, body, **({"user_id": user} if user else {}))
    assert (status, told["error"], list(told["fields"])) == (400, "invalid", ["user_id"])
    assert not Owner.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "/memory", {}, {"kind", "text"}),
        ("POST", "/memory", {"kind": "wish", "text": ""}, {"kind", "text"}),
        ("POST", "/memory", {"kind": ["goal"], "text": 5}, {"kind", "text"}),
        ("POST", "/memory", {"kind": "goal", "text": "x" * 501}, {"text"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "slot": "a b"}, {"slot"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "slot": "x" * 81}, {"slot"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "valid_from": "yesterday"}, {"valid_from"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "valid_from": 5}, {"valid_from"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "pinned": "yes"}, {"pinned"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "origin": "extracted"}, {"origin"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "user_id": "ola"}, {"user_id"}),
        ("POST", "/memory", {"kind": "goal", "text": "x", "user_id": ["kari"]}, {"user_id"}),
        ("PATCH", "/memory/consent", {}, {"health"}),
        ("PATCH", "/memory/consent", {"health": 1}, {"health"}),
        ("PATCH", "/memory/consent", {"health": None}, {"health"}),
        ("POST", "/memory/forget", {}, {"topic"}),
        ("POST", "/memory/forget", {"topic": "tea", "all": True}, {"topic"}),
        ("POST", "/memory/forget", {"all": False}, {"topic"}),
        ("POST", "/memory/forget", {"all": "true"}, {"all"}),
        ("POST", "/memory/forget", {"topic": ""}, {"topic"}),
        ("POST", "/memory/forget", {"topic": "x" * 201}, {"topic"}),
    ],
)
def test_what_is_wrong_is_named(api: Client, method: str, path: str, body: Any, wrong: set[str]) -> None:
    status, told = call(api, method, path, body, user_id="kari")
    assert (status, told["error"], set(told["fields"])) == (400, "invalid", wrong)
    assert not Fact.objects.exists()


def test_a_topic_that_names_nothing_is_refused(api: Client) -> None:
    add(api, "kari", "Likes tea.")
    status, told = call(api, "POST", "/memory/forget", {"topic": "the"}, user_id="kari")
    assert (status, list(told["fields"])) == (400, ["topic"])
    assert texts(api, "kari") == ["Likes tea."]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, set()),
        ({"text": None}, {"text"}),
        ({"kind": "wish"}, {"kind"}),
        ({"pinned": 1, "slot": "a b"}, {"pinned", "slot"}),
        ({"valid_from": "2026-02-31"}, {"valid_from"}),
    ],
)
def test_a_bad_correction_changes_nothing(api: Client, body: Any, wrong: set[str]) -> None:
    before = add(api, "kari", "Likes tea.")
    status, told = call(api, "PATCH", f"/memory/{before['fact_id']}", {"user_id": "kari", **body})
    assert (status, set(told.get("fields", {}))) == (400, wrong)
    assert call(api, "GET", f"/memory/{before['fact_id']}", user_id="kari")[1] == before


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 501}, {"cursor": "x"}, {"kind": "x"}, {"all": "1"}, {"q": "\0"}]
)
def test_a_bad_query_is_named(api: Client, query: dict[str, Any]) -> None:
    for user in ("kari", ""):
        status, told = call(api, "GET", "/memory", user_id=user, **query)
        assert (status, told["error"], list(told["fields"])) == (400, "invalid", list(query))


@pytest.mark.parametrize("path", ["x", "fact_x", f"fact_{'0' * 32}", f"msg_{'0' * 32}", "%00"])
def test_an_id_that_is_none_is_not_found(api: Client, path: str) -> None:
    owner("kari")
    for method, body in (("GET", None), ("PATCH", {"text": "x"}), ("DELETE", None)):
        status, told = call(api, method, f"/memory/{path}", body, user_id="kari")
        assert (status, told["error"]) == (404, "not_found")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["user_id", "kind", "slot", "text", "valid_from", "pinned", "origin", "topic", "all", "health"]
BODIES = st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from([*Kind.values, "kari", "2026-01-01"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, number=st.integers(0, len(WRITES) - 1))
def test_no_body_breaks_a_path(api: Client, body: dict[str, Any], number: int) -> None:
    method, path, _ = WRITES[number]
    status, told = call(api, method, path, body, user_id="kari")
    assert status in (200, 201, 400, 404, 409), told
    assert "error" in told or status < 400


# --- Whose ------------------------------------------------------------------------------------------------------------


def test_no_path_tells_or_touches_another_users_memory(api: Client) -> None:
    whose = owner("kari")
    said = talk(whose, ("My secret is a kitten.", "How lovely!"))[0]
    finding.find(100)
    secret = fact(whose, "Has a secret kitten.", said, slot="pet:secret")
    closed = fact(whose, "Had a secret dog.", said, slot="pet:secret", valid_to=date(2026, 5, 20), superseded_by=secret)
    profiles.consent(whose.pk, health=True)
    before = list(Fact.objects.order_by("id").values()), list(Profile.objects.values()), Passage.objects.count()
    owner("ola")
    for user in ("ola", "nobody", "", "anonymous"):
        known = user in ("ola", "nobody")
        for one in (secret, closed):
            for method, body in (("GET", None), ("PATCH", {"text": "Mine."}), ("DELETE", None)):
                status, told = call(api, method, f"/memory/{one}", body, user_id=user)
                refused = (404, "not_found") if known or method == "GET" else (400, "invalid")
                assert (status, told["error"]) == refused
                assert "secret" not in json.dumps(told)
        for query in ({}, {"all": "true"}, {"q": "secret"}, {"cursor": outside("fact", new_id())}):
            told = call(api, "GET", "/memory", user_id=user, **query)
            assert told == (200, {"facts": [], "paused": False, "consent": {"health": False}, "next": None})
        exported = "".join(exports.parts(reading.owner(OPEN, user)))
        assert "secret" not in exported
        for method, path, body in [*WRITES, ("POST", "/memory/forget", {"topic": "secret kitten"})]:
            status, told = call(api, method, path, body, user_id=user)
            assert status in ((200, 201, 404) if known else (400,)), (path, told)
            assert "secret" not in json.dumps(told)
        Fact.objects.exclude(owner=whose).delete()
        Profile.objects.exclude(owner=whose).update(health=False)
    facts = list(Fact.objects.filter(owner=whose).order_by("id").values())
    now = facts, list(Profile.objects.filter(owner=whose).values())
    assert (*now, Passage.objects.filter(owner=whose).count()) == before


def test_the_same_id_at_another_app_is_another_user(api: Client) -> None:
    theirs = Owner.objects.create(app="other", external_id="kari")
    secret = fact(theirs, "Has a secret.")
    assert texts(api, "kari", all="true") == []
    assert call(api, "GET", f"/memory/{secret}", user_id="kari")[0] == 404
