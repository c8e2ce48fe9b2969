"""A visit by keys alone: everything can be reached and done, and the focus is never lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.vendor import Vendor
from tests.web.visits import Visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]


def held(page: Page) -> str:
    """The name of what has the focus."""
    return str(
        page.evaluate(
            """() => {
              const at = document.activeElement;
              return at.getAttribute('aria-label') ?? (at === document.body ? '' : at.innerText || at.id);
            }"""
        )
    ).strip()


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    for _ in range(60):
        page.keyboard.press(key)
        if held(page) == name:
            return
    raise AssertionError(f"No {key} leads to {name}; last at {held(page)!r}.")


def test_a_coach_and_a_first_question_are_chosen_by_keys(here: Visit) -> None:
    keys = here.page.keyboard
    expect(here.field).to_be_focused()
    tab_to(here.page, "Coach: Fitness Coach", "Shift+Tab")
    keys.press("Enter")
    expect(here.page.locator("#coach")).to_have_attribute("open", "")
    keys.press("Escape")
    expect(here.page.locator("#coach")).not_to_have_attribute("open", "")
    assert held(here.page) == "Coach: Fitness Coach"
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    expect(here.field).to_be_focused()
    expect(here.page.locator("#welcome h1")).not_to_have_text("Fitness Coach")

    tab_to(here.page, here.page.locator("#starters button").nth(1).inner_text())
    keys.press("Enter")
    expect(here.field).to_be_focused()
    keys.press("Enter")
    here.finished()
    assert [each["persona"] for each in here.stored("assistant")] != ["fitness_coach"]


def test_answers_are_turned_over_by_keys(here: Visit, vendor: Vendor) -> None:
    keys = here.page.keyboard
    here.asked_and_answered("One")
    tab_to(here.page, "Why", "Shift+Tab")
    keys.press("Enter")
    dialog = here.page.get_by_role("dialog", name="Why this answer")
    expect(dialog).to_be_visible()
    tab_to(here.page, "Close")
    keys.press("Enter")
    expect(dialog).to_be_hidden()
    assert held(here.page) == "Why"
    tab_to(here.page, "Regenerate", "Shift+Tab")
    vendor.next(deltas=("Another.",))
    keys.press("Enter")
    expect(here.words).to_have_text("Another.")
    here.finished()
    expect(here.field).to_be_focused()
    tab_to(here.page, "Earlier version", "Shift+Tab")
    keys.press("Enter")
    expect(here.answer.locator(".count")).to_have_text("1/2")
    assert held(here.page)  # the focus is not lost with the answer that went
    tab_to(here.page, "Compare")
    keys.press("Enter")
    tab_to(here.page, "Use this one")
    keys.press("Enter")
    expect(here.words).to_have_text("Another.")
    assert held(here.page) == "Compare"


def test_a_chat_is_named_and_deleted_and_a_fact_kept_by_keys(here: Visit) -> None:
    keys = here.page.keyboard
    here.asked_and_answered("One")
    tab_to(here.page, "Rename “One”", "Shift+Tab")
    keys.press("Enter")
    keys.type("By keys")
    keys.press("Enter")
    expect(here.page.locator("#sessions .title")).to_have_text("By keys")
    assert held(here.page) == "Rename “By keys”"
    tab_to(here.page, "What your coach remembers")
    keys.press("Enter")
    tab_to(here.page, "Something your coach should know")
    keys.type("Likes keys")
    keys.press("Enter")
    expect(here.page.locator("#facts .fact")).to_have_text("Likes keys")
    tab_to(here.page, "Pin: Likes keys", "Shift+Tab")
    keys.press("Enter")
    expect(here.page.get_by_role("button", name="Pin: Likes keys")).to_have_attribute("aria-pressed", "true")
    assert held(here.page) == "Pin: Likes keys"
    keys.press("Escape")
    assert held(here.page) == "What your coach remembers"
    tab_to(here.page, "Delete “By keys”", "Shift+Tab")
    keys.press("Enter")
    tab_to(here.page, "Delete")
    keys.press("Enter")
    expect(here.page.locator("body.empty")).to_have_count(1)
    expect(here.field).to_be_focused()


def test_a_link_leads_past_the_list(here: Visit) -> None:
    here.page.locator("#new").focus()
    tab_to(here.page, "Skip to the message field", "Shift+Tab")
    expect(here.page.locator(".skip")).to_be_in_viewport()
    here.page.keyboard.press("Enter")
    expect(here.field).to_be_focused()
    assert "#session" not in here.page.url
