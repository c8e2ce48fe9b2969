"""Keys of apps on a real server: shown once, stored hashed, good for what they say, and ended within a second."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from identity import keys
from identity.models import ApiKey
from tests.api import Api
from tests.identity.conftest import MakeKey
from tests.serving import Server

pytestmark = pytest.mark.xdist_group("identity")


def status(api: Api, path: str = "/chat/personas") -> int:
    return api.http.get(path).status_code


def test_a_key_is_asked_for_and_a_good_one_is_enough(calling: Callable[..., Api], make_key: MakeKey) -> None:
    assert status(calling()) == 401
    assert status(calling(make_key("chat"))) == 200


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer", id="nothing"),
        pytest.param("Basic YTpi", id="basic"),
        pytest.param("Bearer coach_0000000000000000_" + "a" * 43, id="unknown"),
        pytest.param("Bearer coach_short", id="short"),
        pytest.param("Bearer a.b.c", id="no-token"),
        pytest.param("Bearer " + "x" * 7000, id="long"),
    ],
)
def test_what_is_no_key_is_refused(guarded: Server, header: str) -> None:
    response = httpx2.get(f"{guarded.url}/chat/personas", headers={"Authorization": header})
    assert (response.status_code, response.json()["error"]) == (401, "unauthenticated")
    assert header.removeprefix("Bearer ") not in response.text or header == "Bearer"


def test_the_secret_has_to_be_right(calling: Callable[..., Api], make_key: MakeKey) -> None:
    key = make_key("chat")
    assert status(calling(key)) == 200
    assert status(calling(key[:-1] + ("a" if key[-1] != "a" else "b"))) == 401
    assert status(calling(key)) == 200


def test_a_scope_opens_its_paths_alone(calling: Callable[..., Api], make_key: MakeKey) -> None:
    operator, talker = calling(make_key("operate")), calling(make_key("chat"))
    assert status(talker) == 200
    assert status(operator) == 403
    switch = {"brain": "config"}
    assert operator.http.post("/brain/switch", json=switch).status_code == 200
    refused = talker.http.post("/brain/switch", json=switch)
    assert refused.status_code == 403
    assert "operate" in refused.json()["message"]


def test_an_expired_key_is_refused(calling: Callable[..., Api], make_key: MakeKey) -> None:
    now = datetime.now(UTC)
    assert status(calling(make_key("chat", expires=now - timedelta(seconds=1)))) == 401
    assert status(calling(make_key("chat", expires=now + timedelta(days=1)))) == 200


def test_a_revoked_key_is_refused_within_a_second(
    guarded: Server, calling: Callable[..., Api], make_key: MakeKey
) -> None:
    key = make_key("chat")
    api = calling(key)
    assert status(api) == 200
    with guarded.database() as database:
        database.execute("UPDATE identity_apikey SET revoked_at = now() WHERE id = %s", [key.split("_")[1]])
    revoked = time.monotonic()
    while status(api) == 200:
        assert time.monotonic() - revoked < keys.FRESH + 0.5
    assert status(api) == 401


def test_its_use_is_noted(guarded: Server, calling: Callable[..., Api], make_key: MakeKey) -> None:
    key = make_key("chat")
    status(calling(key))
    with guarded.database() as database:
        row = database.execute("SELECT last_used_at FROM identity_apikey WHERE id = %s", [key.split("_")[1]]).fetchone()
    assert row is not None
    assert row[0] is not None


def test_a_key_without_the_scope_to_act_for_users_is_one_user(calling: Callable[..., Api], make_key: MakeKey) -> None:
    key = make_key("chat")
    api = calling(key, f"key:{key.split('_')[1]}")
    assert api.session(api.start())["user_id"] == f"key:{key.split('_')[1]}"
    assert api.http.post("/chat/start", json={"user_id": "kari"}).status_code == 403


# --- The command --------------------------------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("keys", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_makes_lists_and_revokes() -> None:
    text = command("create", "backend", "--scopes", "chat,act-for-users", "--app", "shop", "--days", "30")
    assert text.count("\n") == 1, "the key stands alone on its line"
    found = keys.FORM.fullmatch(text.strip())
    assert found
    key = ApiKey.objects.get(name="backend")
    assert (key.id, key.digest) == (found[1], keys.digest(found[2]))
    assert found[2] not in str(vars(key))
    assert (key.app, key.scopes, key.state()) == ("shop", ["act-for-users", "chat"], "good")
    assert re.search(r"backend +shop +act-for-users,chat +good +never", command("list"))
    assert "revoked" in command("revoke", "backend")
    assert re.search(r"backend .*revoked", command("list"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        pytest.param(["a", "--scopes", "chat,fly"], "fly", id="scope"),
        pytest.param(["a", "--scopes", ","], "at least one", id="none"),
        pytest.param(["a", "--app", "Big Shop"], "Small letters", id="app"),
        pytest.param(["a", "--app", "login"], "login", id="reserved"),
        pytest.param(["a", "--days", "0"], "a day", id="days"),
        pytest.param(["taken"], "name", id="name"),
    ],
)
def test_the_command_refuses_with_a_sentence(arguments: list[str], word: str) -> None:
    command("create", "taken")
    with pytest.raises(CommandError, match=word):
        command("create", *arguments)
    with pytest.raises(CommandError, match="no key"):
        command("revoke", "nobody")


@given(st.text(max_size=90))
def test_no_text_is_taken_for_a_key_that_does_not_have_its_form(text: str) -> None:
    found = keys.FORM.fullmatch(f"coach_{text}")
    assert found is None or (len(found[1]), len(found[2])) == (16, 43)
