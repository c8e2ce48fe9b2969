"""To ask and to be answered: the stream, stop, edit, drafts, reloads and a second tab in mid-answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.api import Listening
from tests.vendor import Vendor
from tests.web.visits import SESSION, Visit, words

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-talking")]


def test_an_answer_grows_word_by_word_with_a_dot_and_a_stop_button(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=30, hold=(6, 14))
    expect(here.button).to_be_disabled()
    here.field.press_sequentially("How do I begin?")
    expect(here.button).to_be_enabled()
    here.field.press("Enter")
    expect(here.field).to_be_empty()
    expect(here.questions).to_have_text(["How do I begin?"])
    expect(here.button).to_have_accessible_name("Stop")
    expect(here.words).to_have_text(words(6))
    dot = (
        "getComputedStyle(document.querySelector('.answer .words .block:last-child > :last-child'), '::after').content"
    )
    assert here.page.evaluate(dot) == '""'
    vendor.release()
    expect(here.words).to_have_text(words(14))
    vendor.release()
    assert here.finished() == words(30)
    expect(here.button).to_have_accessible_name("Send")
    assert here.page.evaluate(dot) == "none"
    for name in ("Copy", "Regenerate", "Why"):
        expect(here.action(name)).to_be_visible()


def test_a_question_is_on_its_way_before_it_is_drawn(here: Visit) -> None:
    here.asked_and_answered("One")
    here.page.evaluate(
        """() => {
          const { fetch } = window;
          window.fetch = (path, options) => {
            if (path === "/chat/stream") window.drawn = document.querySelectorAll(".question").length;
            return fetch(path, options);
          };
        }"""
    )
    here.asked_and_answered("Two")
    expect(here.questions).to_have_text(["One", "Two"])
    assert here.page.evaluate("window.drawn") == 1


def test_a_session_is_in_the_address_and_there_after_a_reload(here: Visit) -> None:
    told = here.asked_and_answered("How do I warm up?")
    session = here.session
    here.asked_and_answered("And then?")
    here.page.reload()
    expect(here.questions).to_have_text(["How do I warm up?", "And then?"])
    assert here.finished() == told
    assert here.session == session
    assert [each["role"] for each in here.stored()] == ["user", "assistant"] * 2


def test_shift_and_enter_is_a_new_line(here: Visit) -> None:
    here.field.press_sequentially("One")
    here.field.press("Shift+Enter")
    here.field.press_sequentially("two")
    expect(here.questions).to_have_count(0)
    here.field.press("Enter")
    expect(here.questions).to_have_count(1)
    assert here.questions.inner_text() == "One\ntwo"
    here.finished()
    assert here.stored("user")[0]["content"] == "One\ntwo"


def test_the_key_up_edits_the_last_question_and_escape_leaves_it(here: Visit) -> None:
    here.asked_and_answered("First")
    here.asked_and_answered("Second")
    here.field.press("ArrowUp")
    expect(here.field).to_have_value("Second")
    expect(here.page.locator("#editing")).to_be_visible()
    here.field.press("Escape")
    expect(here.field).to_be_empty()
    expect(here.page.locator("#editing")).to_be_hidden()
    here.field.press("ArrowUp")
    here.ask("Better")
    expect(here.questions).to_have_text(["First", "Better"])
    here.finished()
    assert [each["content"] for each in here.stored("user")] == ["First", "Second", "Better"]


def test_escape_stops_and_the_answer_is_marked_for_good(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=200, hold=(20,))
    here.ask("Tell me a lot")
    expect(here.words).to_have_text(words(20))
    here.page.keyboard.press("Escape")
    expect(here.note).to_have_text("You stopped this answer.")
    said = here.finished()
    assert said == words(20)
    here.page.reload()
    expect(here.note).to_have_text("You stopped this answer.")
    assert here.finished() == said
    assert here.stored("assistant")[0]["status"] == "stopped"


def test_the_button_stops_before_the_first_word(here: Visit, vendor: Vendor) -> None:
    vendor.next(wait=30)
    here.ask("Are you there?")
    expect(here.page.locator(".answer.thinking")).to_have_count(1)
    here.button.click()
    expect(here.note).to_have_text("You stopped this answer.")
    here.page.reload()
    expect(here.note).to_have_text("You stopped this answer.")
    vendor.reset()  # where it was stopped before it was asked, its plan is still there
    assert here.asked_and_answered("And now?") == words(8)


def test_a_draft_is_kept_by_session(here: Visit) -> None:
    here.field.fill("Something that I have not se")
    here.page.reload()
    expect(here.field).to_have_value("Something that I have not se")
    here.ask("Sent")
    here.finished()
    session = here.session
    here.field.fill("For this chat")
    here.page.locator("#new").click()
    expect(here.field).to_be_empty()
    here.field.fill("For a new one")
    here.page.locator(f"#sessions [data-id={session}] a").click()
    expect(here.field).to_have_value("For this chat")
    here.page.reload()
    expect(here.field).to_have_value("For this chat")
    here.page.go_back()
    expect(here.field).to_have_value("For a new one")


def test_a_reload_in_mid_answer_shows_all_and_goes_on(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=50, hold=(12,))
    here.ask("Something long, please")
    expect(here.words).to_have_text(words(12))
    here.page.reload()
    expect(here.questions).to_have_text(["Something long, please"])
    expect(here.words).to_have_text(words(12))
    expect(here.button).to_have_accessible_name("Stop")
    vendor.release()
    assert here.finished() == words(50)
    assert len(here.stored("user")) == 1
    assert len(vendor.turns) == 1


def test_a_reload_right_after_enter_sends_once(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=12, pace=0.02, wait=0.3)  # before, in and after the reload: it varies with the machine
    here.field.fill("Just sent")
    here.field.press("Enter")
    expect(here.page).to_have_url(SESSION)
    here.page.reload()
    expect(here.questions).to_have_text(["Just sent"])
    assert here.finished() == words(12)
    assert [each["content"] for each in here.stored("user")] == ["Just sent"]
    assert here.page.evaluate("localStorage.getItem('coach.outbox')") is None


def test_a_question_that_arrived_unheard_is_not_asked_again_after_a_reload(here: Visit, vendor: Vendor) -> None:
    """The request has reached the server, of its answer the page has seen nothing."""
    here.asked_and_answered("First")
    vendor.next(words=12, hold=(5,))
    here.page.route("**/chat/stream", lambda _: None)
    with here.page.expect_request("**/chat/stream") as asked:
        here.ask("Second")
    sent = asked.value
    elsewhere = Listening(
        here.api.read,
        "POST",
        "/chat/stream",
        sent.post_data_json,
        **{"Idempotency-Key": sent.headers["idempotency-key"]},
    )
    here.api.wait_for(here.session, "running")
    here.page.unroute("**/chat/stream")
    here.page.reload()
    expect(here.words).to_have_text(words(5))
    expect(here.questions).to_have_text(["First", "Second"])
    assert here.page.evaluate("localStorage.getItem('coach.outbox')") is None
    vendor.release()
    assert here.finished() == elsewhere.reply().text.strip() == words(12)
    assert [each["content"] for each in here.stored("user")] == ["First", "Second"]


def test_a_second_tab_in_mid_answer_shows_the_same(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=60, hold=(12,))
    here.ask("For both tabs")
    expect(here.words).to_have_text(words(12))
    other = here.tab()
    expect(other.locator(".question .bubble")).to_have_text(["For both tabs"])
    growing = other.locator(".answer .words")
    expect(growing).to_have_text(words(12))
    expect(other.locator("#send")).to_have_accessible_name("Stop")
    vendor.release()
    assert here.finished() == here.finished(other) == words(60)
    assert len(here.stored("user")) == 1


def test_what_one_tab_asks_the_other_shows(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("From the first")
    other = here.tab()
    vendor.next(words=40, hold=(12,))
    other.locator("#field").fill("From the second")
    other.locator("#field").press("Enter")
    expect(here.questions).to_have_text(["From the first", "From the second"])
    expect(here.words).to_have_text(words(12))
    vendor.release()
    assert here.finished() == here.finished(other) == words(40)


def test_while_another_device_is_answered_a_message_is_given_back(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("Hello")
    vendor.next(words=200, hold=(12,))
    elsewhere = Listening(here.api.stream, here.session, "From my phone")
    here.api.wait_for(here.session, "running")
    here.expected += ["409"]
    here.ask("From my desk")
    expect(here.page.locator("#notice")).to_have_text("Your coach is still answering in this chat.")
    expect(here.field).to_have_value("From my desk")
    expect(here.questions).to_have_text(["Hello", "From my phone"])
    expect(here.words).to_have_text(words(12))
    here.page.keyboard.press("Escape")
    expect(here.note).to_have_text("You stopped this answer.")
    assert elsewhere.reply().end["status"] == "stopped"
    assert len(here.stored("user")) == 2
