"""What goes wrong at the vendor, and other versions: retry, regenerate, compare, edit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.vendor import Scenario, Vendor
from tests.web.visits import Visit, words

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-talking")]


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"status": 529, "error": "overloaded_error"}, "Your coach is very busy. Try again in a moment."),
        (
            {"status": 401, "error": "authentication_error"},
            "Your coach is not set up properly. The operator has to look.",
        ),
        ({"fail": 4, "error": "overloaded_error"}, "Your coach broke off. Try again."),
    ],
    ids=["busy", "key", "midway"],
)
def test_an_error_is_told_kindly_and_tried_again(
    here: Visit, vendor: Vendor, knobs: dict[str, object], sentence: str
) -> None:
    vendor.base = Scenario(**knobs)  # type: ignore[arg-type]
    here.ask("Will you answer?")
    expect(here.note).to_have_text(sentence)
    assert "secret" not in here.page.content()
    here.page.reload()
    expect(here.note).to_have_text(re.compile("There is no answer to this yet.|This answer was interrupted."))
    vendor.base = Scenario()
    here.answer.get_by_role("button", name=re.compile("Try again|Regenerate")).click()
    expect(here.words).to_have_text(words(8))
    here.finished()
    expect(here.note).to_be_hidden()
    here.page.reload()
    assert here.finished() == words(8)
    expect(here.questions).to_have_text(["Will you answer?"])
    assert len(here.stored("user")) == 1


def test_an_error_is_tried_again_without_a_reload(here: Visit, vendor: Vendor) -> None:
    vendor.base = Scenario(status=401, error="authentication_error")
    here.ask("Once more")
    expect(here.note).to_contain_text("The operator has to look.")
    expect(here.page.locator("#spoken")).to_contain_text("The operator has to look.")
    vendor.base = Scenario(words=5)
    here.action("Try again").click()
    expect(here.words).to_have_text(words(5))
    assert len(here.stored("user")) == 1


def test_a_request_that_is_refused_is_tried_again_as_it_was(here: Visit) -> None:
    here.page.route(
        "**/chat/stream", lambda route: route.fulfill(status=413, json={"error": "too_large", "message": "No."})
    )
    here.expected.append("413")
    here.ask("Too long")
    expect(here.note).to_have_text("This message is too long.")
    here.page.unroute("**/chat/stream")
    here.action("Try again").click()
    expect(here.questions).to_have_text(["Too long"])
    assert here.finished() == words(8)
    assert len(here.stored("user")) == 1


def test_versions_are_turned_over_compared_and_chosen(here: Visit, vendor: Vendor) -> None:
    vendor.next(deltas=("The **first** one.",))
    here.asked_and_answered("Say it")
    vendor.next(deltas=("The second one.",))
    here.action("Regenerate").click()
    expect(here.words).to_have_text("The second one.")
    here.finished()
    count = here.answer.locator(".count")
    expect(count).to_have_text("2/2")
    here.action("Earlier version").click()
    expect(here.words).to_have_text("The first one.")
    expect(count).to_have_text("1/2")
    here.page.reload()
    expect(here.words).to_have_text("The first one.")
    expect(count).to_have_text("1/2")

    here.action("Compare").click()
    dialog = here.page.get_by_role("dialog", name="Versions side by side")
    columns = dialog.locator("section")
    expect(columns.locator(".words")).to_have_text(["The first one.", "The second one."])
    expect(columns.first.locator("strong")).to_have_text("first")
    boxes = [columns.nth(at).bounding_box() for at in range(2)]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    expect(columns.first.get_by_role("button")).to_be_disabled()
    with here.page.expect_response(lambda response: response.request.method == "PATCH"):
        columns.nth(1).get_by_role("button", name="Use this one").click()
    expect(dialog).to_be_hidden()
    expect(here.words).to_have_text("The second one.")
    here.page.reload()
    expect(here.words).to_have_text("The second one.")
    expect(here.answer.locator(".count")).to_have_text("2/2")


def test_a_regeneration_in_mid_answer_survives_a_reload(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("Say it")
    vendor.next(words=60, hold=(13,))
    here.action("Regenerate").click()
    expect(here.words).to_have_text(words(13))
    here.page.reload()
    expect(here.words).to_have_text(words(13))
    vendor.release()
    expect(here.answer.locator(".count")).to_have_text("2/2")
    assert here.finished() == words(60)
    assert len(here.stored("assistant")) == 2


def test_an_edited_question_opens_a_branch_and_the_other_stays(here: Visit, vendor: Vendor) -> None:
    vendor.next(deltas=("On tea.",))
    here.asked_and_answered("Tea?")
    vendor.next(deltas=("More on tea.",))
    here.asked_and_answered("More?")
    first = here.page.locator(".question").first
    first.hover()
    first.get_by_role("button", name="Edit").click()
    expect(here.field).to_have_value("Tea?")
    expect(here.field).to_be_focused()
    vendor.next(deltas=("On coffee.",))
    here.ask("Coffee?")
    expect(here.questions).to_have_text(["Coffee?"])
    expect(here.words).to_have_text("On coffee.")
    here.finished()
    first = here.page.locator(".question").first
    expect(first.locator(".count")).to_have_text("2/2")
    with here.page.expect_response(lambda response: response.request.method == "PATCH"):
        first.get_by_role("button", name="Earlier version").click()
    expect(here.questions).to_have_text(["Tea?", "More?"])
    here.page.reload()
    expect(here.questions).to_have_text(["Tea?", "More?"])
    expect(here.words).to_have_text("More on tea.")
    assert [each["content"] for each in here.stored("user")] == ["Tea?", "Coffee?", "More?"]
    assert len(vendor.turns) == 3


def test_an_edit_can_be_given_up(here: Visit) -> None:
    here.asked_and_answered("As it was")
    here.field.fill("A draft")
    question = here.page.locator(".question")
    question.hover()
    question.get_by_role("button", name="Edit").click()
    here.field.fill("Something else")
    here.page.get_by_role("button", name="Cancel").click()
    expect(here.field).to_have_value("A draft")
    expect(here.page.locator("#editing")).to_be_hidden()
    expect(here.questions).to_have_text(["As it was"])


def test_an_answer_and_a_question_are_copied_as_they_were_written(here: Visit, vendor: Vendor) -> None:
    here.context.grant_permissions(["clipboard-read", "clipboard-write"])
    vendor.next(deltas=("A **strong** word.",))
    here.asked_and_answered("Copy me")
    here.action("Copy").click()
    expect(here.answer.get_by_role("button", name="Copied")).to_be_visible()
    assert here.page.evaluate("navigator.clipboard.readText()") == "A **strong** word."
