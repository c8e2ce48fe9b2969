"""Regenerate and edit: nothing is overwritten, and what a brain is sent is the session's current path."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import Api, Reply
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.database


@pytest.fixture
def api(vendored: Server, request: pytest.FixtureRequest) -> Api:
    return Api(vendored.url, request.node.name[:190])


def say(text: str) -> Scenario:
    """A reply of these very words."""
    return Scenario(deltas=(text,))


def shown(api: Api, session: str, **query: Any) -> list[str]:
    return [message["content"] for message in api.get(f"/chat/sessions/{session}", **query)["messages"]]


def sent(vendor: Vendor) -> list[str]:
    """What the last call was given, as plain texts."""
    lines = vendor.turns[-1].body["messages"]
    return [
        line["content"] if isinstance(line["content"], str) else "".join(part["text"] for part in line["content"])
        for line in lines
    ]


def talked(api: Api, vendor: Vendor, *replies: str) -> tuple[str, list[Reply]]:
    """A session with a turn for each reply; the user's messages are `q1`, `q2`, …"""
    session = api.start()
    turns = []
    for number, reply in enumerate(replies, 1):
        vendor.next(say(reply))
        turns.append(api.stream(session, f"q{number}"))
    return session, turns


@pytest.mark.parametrize("of", ["message_id", "user_message_id"])
def test_a_new_reply_stands_beside_the_older_one(api: Api, vendor: Vendor, of: str) -> None:
    session, turns = talked(api, vendor, "a1", "a2")
    vendor.next(say("a2, better"))
    again = api.regenerate(turns[1].end[of])
    assert (again.text, again.end["status"]) == ("a2, better", "complete")
    assert again.end["user_message_id"] == turns[1].end["user_message_id"]
    assert again.end["message_id"] != turns[1].end["message_id"]
    assert again.headers["x-session-id"] == session
    assert sent(vendor) == ["q1", "a1", "q2"]
    assert shown(api, session) == ["q1", "a1", "q2", "a2, better"]
    assert shown(api, session, branches="all") == ["q1", "a1", "q2", "a2", "a2, better"]
    api.stream(session, "q3")
    assert sent(vendor) == ["q1", "a1", "q2", "a2, better", "q3"]


def test_an_edit_starts_another_branch_in_that_place_and_keeps_what_followed(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2", "a3")
    vendor.next(say("other a2"))
    edited = api.edit(turns[1].end["user_message_id"], "other q2")
    assert edited.end["status"] == "complete"
    assert sent(vendor) == ["q1", "a1", "other q2"]
    assert shown(api, session) == ["q1", "a1", "other q2", "other a2"]
    assert shown(api, session, branches="all") == ["q1", "a1", "q2", "other q2", "a2", "other a2", "q3", "a3"]
    everything = api.get(f"/chat/sessions/{session}", branches="all")["messages"]
    parents = {message["content"]: message["parent_id"] for message in everything}
    assert parents["other q2"] == parents["q2"] == turns[0].end["message_id"]
    assert api.get(f"/chat/sessions/{session}")["message_count"] == 4


def test_the_very_first_message_can_be_edited(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2")
    vendor.next(say("other a1"))
    api.edit(turns[0].end["user_message_id"], "other q1")
    assert sent(vendor) == ["other q1"]
    assert shown(api, session) == ["other q1", "other a1"]


def test_a_path_is_chosen_by_its_last_message(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2")
    vendor.next(say("a2, better"))
    again = api.regenerate(turns[1].end["message_id"])
    changed = api.http.patch(f"/chat/sessions/{session}", json={"head": turns[1].end["message_id"]})
    assert (changed.status_code, changed.json()["head"]) == (200, turns[1].end["message_id"])
    assert shown(api, session) == ["q1", "a1", "q2", "a2"]
    path = api.session(session)["messages"]
    assert [message["turn_id"] for message in path[2:]] == [turns[1].end["turn_id"]] * 2
    api.stream(session, "q3")
    assert sent(vendor) == ["q1", "a1", "q2", "a2", "q3"]
    other, _ = talked(api, vendor, "elsewhere")
    refused = api.http.patch(f"/chat/sessions/{other}", json={"head": again.end["message_id"]})
    assert (refused.status_code, refused.json()["fields"]) == (400, {"head": ["The session has no such message."]})
    for head in ("rubbish", "msg_" + "0" * 32):
        assert api.http.patch(f"/chat/sessions/{session}", json={"head": head}).status_code in (400, 404)


def test_a_failed_turn_is_tried_anew_without_a_second_message(api: Api, vendor: Vendor) -> None:
    session = api.start()
    vendor.next(status=401)
    failed = api.stream(session, "q1")
    assert (failed.end["error"], failed.end["message_id"]) == ("provider_config", None)
    vendor.next(say("a1"))
    again = api.regenerate(failed.end["user_message_id"])
    assert again.text == "a1"
    assert shown(api, session) == ["q1", "a1"]
    assert sent(vendor) == ["q1"]


def test_where_a_new_reply_fails_the_older_one_stays_in_place(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2")
    vendor.next(status=401)
    assert api.regenerate(turns[0].end["message_id"]).end["error"] == "provider_config"
    assert shown(api, session) == ["q1", "a1", "q2", "a2"]
    api.stream(session, "q3")
    assert sent(vendor) == ["q1", "a1", "q2", "a2", "q3"]


def test_the_same_key_gives_the_same_new_reply(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1")
    key = {"Idempotency-Key": "once"}
    message = turns[0].end["message_id"]
    first, second = api.regenerate(message, **key), api.regenerate(message, **key)
    assert first.end == second.end
    assert len(vendor.turns) == 2
    assert api.edit(turns[0].end["user_message_id"], "other", **key).status == 422
    assert shown(api, session) == ["q1", first.text]


def test_what_cannot_be_edited_or_regenerated_is_refused(api: Api, vendor: Vendor) -> None:
    _, turns = talked(api, vendor, "a1")
    reply, question = turns[0].end["message_id"], turns[0].end["user_message_id"]
    for path, body, status in (
        (f"/chat/messages/{reply}/edit", {"message": "a reply"}, 400),
        (f"/chat/messages/{question}/edit", {}, 400),
        (f"/chat/messages/{question}/edit", {"message": " "}, 400),
        (f"/chat/messages/{question}/edit", {"message": "x" * 32_001}, 400),
        ("/chat/messages/msg_1/edit", {"message": "x"}, 404),
        ("/chat/messages/rubbish/regenerate", {}, 404),
    ):
        assert api.http.post(path, json=body).status_code == status, path
    assert len(vendor.turns) == 1


def test_a_second_turn_is_refused_while_one_runs(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1")
    vendor.next(words=100, pace=0.05)
    with api.streaming(session, "q2") as frames:
        next(frames)
        refused = api.http.post(f"/chat/messages/{turns[0].end['message_id']}/regenerate")
        assert (refused.status_code, refused.json()["error"]) == (409, "turn_in_progress")
        assert api.stop(refused.json()["turn_id"]).status_code == 202


def test_a_message_goes_with_all_that_follows_it(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2", "a3")
    answer = api.http.delete(f"/chat/messages/{turns[1].end['user_message_id']}")
    assert answer.json() == {
        "success": True,
        "message_id": turns[1].end["user_message_id"],
        "head": turns[0].end["message_id"],
    }
    assert shown(api, session, branches="all") == shown(api, session) == ["q1", "a1"]
    assert api.http.get(f"/chat/turns/{turns[2].end['turn_id']}").status_code == 404
    api.stream(session, "q2 again")
    assert sent(vendor) == ["q1", "a1", "q2 again"]
    assert api.http.delete(f"/chat/messages/{turns[1].end['user_message_id']}").status_code == 404


def test_where_the_shown_reply_is_deleted_the_one_beside_it_is_shown(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1")
    vendor.next(say("a1, worse"))
    again = api.regenerate(turns[0].end["message_id"])
    assert api.http.delete(f"/chat/messages/{again.end['message_id']}").json()["head"] == turns[0].end["message_id"]
    assert shown(api, session) == ["q1", "a1"]


def test_lists_and_search_are_of_the_current_path(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "an apricot")
    vendor.next(say("a blueberry"))
    again = api.regenerate(turns[0].end["message_id"])

    def found(words: str) -> list[str]:
        listed = api.get("/chat/sessions", user_id=api.user, q=words)["sessions"]
        return [each["session_id"] for each in listed]

    assert (found("apricot"), found("blueb")) == ([], [session])
    assert api.get("/chat/sessions", user_id=api.user)["sessions"][0]["last_message"] == "a blueberry"
    api.http.patch(f"/chat/sessions/{session}", json={"head": turns[0].end["message_id"]})
    assert (found("apricot"), found("blueberry"), found("q1")) == ([session], [], [session])
    assert again.end["message_id"] != turns[0].end["message_id"]


def test_all_branches_come_in_pages_and_in_the_export(api: Api, vendor: Vendor) -> None:
    session, turns = talked(api, vendor, "a1", "a2")
    for number in range(5):
        vendor.next(say(f"a2 {number}"))
        api.regenerate(turns[1].end["message_id"])
    whole = shown(api, session, branches="all")
    assert len(whole) == 9
    pages: list[str] = []
    cursor = ""
    while cursor is not None:
        page = api.get(f"/chat/sessions/{session}", branches="all", limit=2, cursor=cursor)
        pages += [message["content"] for message in page["messages"]]
        cursor = page["next"]
    assert pages == whole
    exported = api.get(f"/chat/sessions/{session}/export", format="json")
    assert [message["content"] for message in exported["messages"]] == whole
    assert exported["head"] == api.session(session)["head"]
    assert api.http.get(f"/chat/sessions/{session}", params={"branches": "some"}).status_code == 400
