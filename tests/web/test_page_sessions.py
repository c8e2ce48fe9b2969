"""The list of sessions, new and cleared ones, files to take along, and the coaches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.vendor import Vendor
from tests.web.visits import SESSION, Visit, words

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-talking")]


def rows(visit: Visit) -> Locator:
    return visit.page.locator("#sessions li")


def started(visit: Visit, *questions: str) -> list[str]:
    """A session for each, oldest first; their ids."""
    found = []
    for question in questions:
        visit.page.locator("#new").click()
        visit.asked_and_answered(question)
        found.append(visit.session)
    return found


def act(visit: Visit, name: str) -> None:
    """Press a row's button, which is seen when the row is pointed at."""
    button = visit.page.get_by_role("button", name=name)
    rows(visit).filter(has=button).hover()
    button.click()


def test_sessions_are_listed_newest_first_opened_and_found(here: Visit) -> None:
    expect(here.page.locator("#nothing")).to_have_text("What you talk about will be listed here.")
    first, second = started(here, "About sleep", "About running hills")
    expect(rows(here)).to_have_count(2)
    assert [rows(here).nth(at).get_attribute("data-id") for at in range(2)] == [second, first]
    expect(here.page.locator(f"#sessions [data-id={second}] a")).to_have_attribute("aria-current", "")
    here.page.locator(f"#sessions [data-id={first}] a").click()
    expect(here.questions).to_have_text(["About sleep"])
    assert here.session == first
    here.page.go_back()
    expect(here.questions).to_have_text(["About running hills"])
    here.page.keyboard.press("Control+k")
    expect(here.page.locator("#search")).to_be_focused()
    here.page.keyboard.type("slee")
    expect(rows(here)).to_have_count(1)
    expect(rows(here)).to_contain_text("About sleep")
    here.page.locator("#search").fill("zebra")
    expect(here.page.locator("#nothing")).to_have_text("Nothing found.")
    here.page.locator("#search").fill("")
    expect(rows(here)).to_have_count(2)


def test_a_session_is_renamed_in_the_list_and_the_title(here: Visit) -> None:
    started(here, "Legs")
    act(here, "Rename “Legs”")
    name = here.page.get_by_role("textbox", name="Rename")
    expect(name).to_have_value("Legs")
    name.fill("Leg day")
    name.press("Enter")
    expect(rows(here)).to_contain_text(["Leg day"])
    expect(here.page).to_have_title("Leg day · Coach")
    act(here, "Rename “Leg day”")
    here.page.get_by_role("textbox", name="Rename").fill("Never")
    here.page.keyboard.press("Escape")
    expect(rows(here)).to_contain_text(["Leg day"])
    here.page.reload()
    expect(rows(here)).to_contain_text(["Leg day"])
    expect(here.page).to_have_title("Leg day · Coach")


def test_a_session_is_deleted_once_that_is_confirmed_also_in_other_tabs(here: Visit) -> None:
    kept, gone = started(here, "Kept", "Gone")
    other = here.tab()
    expect(other.locator(".question .bubble")).to_have_text(["Gone"])
    here.page.bring_to_front()  # a tab behind is drawn rarely
    act(here, "Delete “Gone”")
    dialog = here.page.locator("#question")
    expect(dialog).to_contain_text("Delete “Gone” with all that was said in it?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows(here)).to_have_count(2)
    act(here, "Delete “Gone”")
    dialog.get_by_role("button", name="Delete").click()
    expect(rows(here)).to_have_count(1)
    for page in (here.page, other):
        expect(page.locator("body.empty")).to_have_count(1)
        expect(page).not_to_have_url(SESSION)
    here.expected.append("404")
    here.page.goto(f"{here.url}/#{gone}")
    expect(here.page.locator("#notice")).to_have_text("This is no longer there.")
    expect(here.page).not_to_have_url(SESSION)
    assert [each["session_id"] for each in here.api.get("/chat/sessions", user_id=here.user)["sessions"]] == [kept]


def test_a_chat_is_cleared_once_that_is_confirmed(here: Visit, vendor: Vendor) -> None:
    (session,) = started(here, "To be cleared")
    here.page.locator("header .menu.end summary").click()
    here.page.locator("#clear").click()
    here.page.locator("#question").get_by_role("button", name="Cancel").click()
    expect(here.questions).to_have_count(1)
    here.page.locator("header .menu.end summary").click()
    here.page.locator("#clear").click()
    here.page.locator("#question").get_by_role("button", name="Clear").click()
    expect(here.page.locator("body.empty")).to_have_count(1)
    assert here.stored() == []
    here.asked_and_answered("Afresh")
    assert here.session == session
    assert "To be cleared" not in str(vendor.turns[-1].body)


def test_a_new_chat_leaves_the_other_one_running(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=50, hold=(12,))
    here.ask("Long")
    expect(here.words).to_have_text(words(12))
    session = here.session
    here.page.keyboard.press("Control+Shift+o")
    expect(here.page.locator("body.empty")).to_have_count(1)
    assert here.page.url == f"{here.url}/"
    here.asked_and_answered("Short")
    here.page.locator(f"#sessions [data-id={session}] a").click()
    expect(here.questions).to_have_text(["Long"])
    expect(here.words).to_have_text(words(12))
    vendor.release()
    assert here.finished() == words(50)


def test_a_chat_is_taken_along_as_markdown_and_json(here: Visit, vendor: Vendor, tmp_path: Path) -> None:
    vendor.next(deltas=("A **strong** answer.",))
    here.asked_and_answered("Export me")
    for name, suffix in (("Markdown", "md"), ("JSON", "json")):
        here.page.locator("header .menu.end summary").click()
        with here.page.expect_download() as coming:
            here.page.get_by_role("link", name=f"Export as {name}").click()
        coming.value.save_as(tmp_path / f"chat.{suffix}")
        assert coming.value.suggested_filename.endswith(f".{suffix}")
        expect(here.page.locator("header .menu.end")).not_to_have_attribute("open", "")
    text = (tmp_path / "chat.md").read_text(encoding="utf-8")
    assert "Export me" in text
    assert "A **strong** answer." in text
    told = json.loads((tmp_path / "chat.json").read_text(encoding="utf-8"))
    assert [each["content"] for each in told["messages"]] == ["Export me", "A **strong** answer."]


def test_each_coach_welcomes_with_picture_voice_and_starters(here: Visit) -> None:
    cards = here.api.get("/chat/personas")["personas"]
    assert len(cards) >= 4
    for card in cards:
        here.page.locator("#coach summary").click()
        here.page.locator("#coach").get_by_role("button", name=card["name"]).click()
        welcome = here.page.locator("#welcome")
        expect(welcome.locator("h1")).to_have_text(card["name"])
        expect(welcome.locator("blockquote")).to_have_text(card["example"])
        picture = welcome.locator("img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        expect(here.page.locator("#starters button")).to_have_text(card["starters"])
        accent = here.page.locator("#stage").evaluate("stage => getComputedStyle(stage).getPropertyValue('--accent')")
        assert accent == card["accent"]
    here.page.locator("#starters button").first.click()
    expect(here.field).to_have_value(cards[-1]["starters"][0])
    expect(here.field).to_be_focused()


def test_the_coach_who_was_chosen_answers_and_can_be_changed_in_the_middle(here: Visit, vendor: Vendor) -> None:
    def choose(name: str) -> None:
        here.page.locator("#coach summary").click()
        here.page.locator("#coach").get_by_role("button", name=name).click()
        expect(here.page.locator("#coach summary")).to_have_text(name)
        expect(here.page.locator("#coach")).not_to_have_attribute("open", "")

    choose("Calm Coach")
    here.asked_and_answered("Who are you?")
    with here.page.expect_response(lambda response: response.request.method == "PATCH"):
        choose("Drill Sergeant")
    here.asked_and_answered("And you?")
    expect(here.page.locator(".answer .who")).to_have_text(["Calm Coach", "Drill Sergeant"])
    here.page.reload()
    expect(here.page.locator(".answer .who")).to_have_text(["Calm Coach", "Drill Sergeant"])
    expect(here.page.locator("#coach summary")).to_have_text("Drill Sergeant")
    assert [each["persona"] for each in here.stored("assistant")] == ["calm_coach", "drill_sergeant"]
    here.page.locator("#new").click()
    expect(here.page.locator("#welcome h1")).to_have_text("Drill Sergeant")  # kept for the next chat
