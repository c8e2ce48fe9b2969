"""What the coach remembers: learned, shown with its source, corrected, pinned, erased; and why an answer is as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests import databases
from tests.serving import Server
from tests.web.visits import Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]


@pytest.fixture(scope="module")
def learning(_started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """A server with the scripted brain, which learns by rules."""
    server = _started({"COACH_BACKGROUND": "on", "COACH_MEMORY_DELAY": "0"})
    yield server
    server.close()
    databases.drop(server.where.name)
    assert not server.complaint(), server.complaint()


@pytest.fixture
def here(browser: Browser, learning: Server) -> Iterator[Visit]:
    here = visit(browser, learning)
    yield here
    here.context.close()
    assert not here.wrong()


def opened(here: Visit) -> Locator:
    here.page.get_by_role("button", name="What your coach remembers").click()
    dialog = here.page.get_by_role("dialog", name="What your coach remembers")
    expect(dialog.locator("#memory-about")).not_to_be_empty()
    return dialog


def add(dialog: Locator, kind: str, text: str) -> None:
    dialog.get_by_label("Kind").select_option(kind)
    dialog.get_by_label("Something your coach should know").fill(text)
    dialog.get_by_role("button", name="Add").click()


def facts(dialog: Locator) -> Locator:
    return dialog.locator("#facts .fact")


def wait_until_learned(here: Visit, patience: float = 180) -> None:
    """The background worker has drawn the first fact."""
    deadline = time.monotonic() + patience
    while not here.api.get("/memory", user_id=here.user)["facts"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask_with_memory(here: Visit, question: str) -> None:
    """A busy machine's memory may not answer in time; then the coach does without, and is asked again."""
    for _ in range(20):
        here.asked_and_answered(question)
        turn = here.stored("assistant")[-1]["turn_id"]
        if here.api.get(f"/chat/turns/{turn}/manifest")["used"].get("facts"):
            return
    raise AssertionError("The memory was never asked in time.")


def test_what_was_learned_is_there_with_its_source_and_bears_on_answers(here: Visit) -> None:
    here.asked_and_answered("My 10k record is 45:10.")
    session = here.session
    wait_until_learned(here)
    dialog = opened(here)
    expect(facts(dialog)).to_have_text(["My 10k record is 45:10."])
    row = dialog.locator("#facts li")
    expect(row.locator(".kind")).to_have_text("Record")
    expect(row.locator(".source")).to_contain_text("“My 10k record is 45:10.”")
    here.page.keyboard.press("Escape")
    here.page.locator("#new").click()
    ask_with_memory(here, "How fast am I?")
    here.action("Why").click()
    why = here.page.get_by_role("dialog", name="Why this answer")
    expect(why.locator("dd li")).to_have_text(["My 10k record is 45:10."])
    expect(why).to_contain_text("Fitness Coach, version 1")
    why.get_by_role("button", name="Close").click()
    expect(here.action("Why")).to_be_focused()
    dialog = opened(here)
    dialog.locator(".source a").click()
    expect(dialog).to_be_hidden()
    expect(here.questions).to_have_text(["My 10k record is 45:10."])
    assert here.session == session


def test_facts_are_added_corrected_pinned_and_erased(here: Visit) -> None:
    dialog = opened(here)
    expect(dialog.locator("#memory-about")).to_have_text(
        "Nothing yet. What you tell your coach about goals, records or habits will appear here."
    )
    add(dialog, "goal", "Wants to run a marathon")
    expect(facts(dialog)).to_have_text(["Wants to run a marathon"])
    add(dialog, "preference", "Trains in the morning")
    expect(facts(dialog)).to_have_text(["Trains in the morning", "Wants to run a marathon"])
    expect(dialog.locator(".source").first).to_contain_text("Added here")

    dialog.get_by_role("button", name="Correct: Trains in the morning").click()
    field = dialog.get_by_role("textbox", name="Correct")
    expect(field).to_have_value("Trains in the morning")
    field.press("Escape")
    expect(dialog).to_be_visible()
    expect(facts(dialog).first).to_have_text("Trains in the morning")
    dialog.get_by_role("button", name="Correct: Trains in the morning").click()
    field.fill("Trains in the evening")
    field.press("Enter")
    expect(facts(dialog)).to_have_text(["Trains in the evening", "Wants to run a marathon"])

    dialog.get_by_role("button", name="Pin: Wants to run a marathon").click()
    expect(facts(dialog)).to_have_text(["Wants to run a marathon", "Trains in the evening"])
    expect(dialog.get_by_role("button", name="Pin: Wants")).to_have_attribute("aria-pressed", "true")

    dialog.get_by_role("button", name="Erase: Wants to run a marathon").click()
    expect(facts(dialog)).to_have_text(["Trains in the evening"])
    told = here.api.get("/memory", user_id=here.user)["facts"]
    assert [each["text"] for each in told] == ["Trains in the evening"]


def test_health_is_remembered_with_consent_alone(here: Visit) -> None:
    dialog = opened(here)
    consent = dialog.get_by_label("Remember what I say about my health and injuries, too")
    expect(consent).not_to_be_checked()
    here.expected.append("409")
    add(dialog, "injury", "A sore left knee")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    expect(facts(dialog)).to_have_count(0)
    consent.check()
    expect(dialog.get_by_role("alert")).to_be_empty()
    add(dialog, "injury", "A sore left knee")
    expect(facts(dialog)).to_have_text(["A sore left knee"])
    consent.click()
    question = here.page.locator("#question")
    expect(question).to_contain_text("everything remembered about your health is erased")
    question.get_by_role("button", name="Cancel").click()
    expect(consent).to_be_checked()
    consent.click()
    question.get_by_role("button", name="Erase").click()
    expect(facts(dialog)).to_have_count(0)
    expect(consent).not_to_be_checked()


def test_memory_is_paused_forgotten_by_topic_and_taken_along(here: Visit, tmp_path: Path) -> None:
    dialog = opened(here)
    add(dialog, "goal", "Wants to run a marathon")
    expect(facts(dialog)).to_have_count(1)
    add(dialog, "preference", "Likes swimming")
    expect(facts(dialog)).to_have_count(2)
    with here.page.expect_download() as coming:
        dialog.get_by_role("link", name="Export").click()
    coming.value.save_as(tmp_path / "memory.json")
    assert "Likes swimming" in json.dumps(json.loads((tmp_path / "memory.json").read_text(encoding="utf-8")))
    dialog.get_by_label("A topic, or nothing for everything").fill("swimming")
    dialog.get_by_role("button", name="Forget").click()
    here.page.locator("#question").get_by_role("button", name="Forget").click()
    expect(facts(dialog)).to_have_text(["Wants to run a marathon"])
    dialog.get_by_label("Pause: learn and recall nothing").check()
    expect(dialog.locator("#memory-about")).to_have_text("Paused: nothing is learned and nothing is recalled.")
    dialog.get_by_role("button", name="Forget").click()
    expect(here.page.locator("#question")).to_contain_text("Forget everything that is remembered of you?")
    here.page.locator("#question").get_by_role("button", name="Forget").click()
    expect(facts(dialog)).to_have_count(0)
    here.page.keyboard.press("Escape")
    dialog = opened(here)
    expect(dialog.get_by_label("Pause: learn and recall nothing")).to_be_checked()
