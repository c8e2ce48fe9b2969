"""A network that goes and comes back, and a server that restarts: said at once, healed by itself, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.serving import Server
from tests.vendor import Vendor
from tests.web.conftest import Come
from tests.web.relay import Relay
from tests.web.visits import NETWORK, Visit, words

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-talking")]

LOST = "The connection is lost. Coming back to your coach …"
OFFLINE = "You are offline. What you send goes out when you are back."
SOON = 1500  # ms in which a loss has to be told, where nothing else runs


@pytest.fixture
def relay(served: Server) -> Iterator[Relay]:
    port = urlsplit(served.url).port
    assert port
    with Relay(port) as relay:
        yield relay


@pytest.fixture
def far(come: Come, served: Server, relay: Relay) -> Visit:
    """A visit through the relay."""
    visit = come(url=relay.url)
    visit.expected.append(NETWORK)
    return visit


def whole_and_once(visit: Visit, vendor: Vendor, text: str) -> None:
    """The answer is there to its end, also after a reload; asked once."""
    assert visit.finished() == text
    expect(visit.note).to_be_hidden()
    visit.page.reload()
    assert visit.finished() == text
    expect(visit.note).to_be_hidden()
    assert len(visit.stored("user")) == len(visit.stored("assistant")) == len(vendor.turns) == 1


@pytest.mark.timing
def test_a_cut_of_three_seconds_is_told_and_heals(far: Visit, relay: Relay, vendor: Vendor) -> None:
    vendor.next(words=100, pace=0.045)
    far.ask("On a train")
    expect(far.words).to_contain_text("breath")
    relay.cut(3)
    expect(far.note).to_have_text(LOST, timeout=SOON)
    expect(far.page.locator(".answer.running")).to_have_count(0)  # no dot that pretends
    expect(far.note).to_be_hidden()
    whole_and_once(far, vendor, words(100))


def test_a_silent_network_is_told_and_heals(far: Visit, relay: Relay, vendor: Vendor) -> None:
    vendor.next(words=30, hold=(12,))
    far.ask("In a tunnel")
    expect(far.words).to_have_text(words(12))
    relay.silence()
    expect(far.note).to_have_text(LOST)
    relay.speak()
    vendor.release()
    whole_and_once(far, vendor, words(30))


def test_offline_in_mid_answer_is_told_at_once_and_heals(far: Visit, relay: Relay, vendor: Vendor) -> None:
    vendor.next(words=30, hold=(12,))
    far.ask("In the mountains")
    expect(far.words).to_have_text(words(12))
    far.context.set_offline(True)
    relay.cut()  # Chromium, told to be offline, goes on reading what it had begun to read
    expect(far.note).to_have_text(OFFLINE)
    vendor.release()
    far.context.set_offline(False)
    relay.mend()
    whole_and_once(far, vendor, words(30))


def test_a_reload_right_after_a_cut_shows_all(far: Visit, relay: Relay, vendor: Vendor) -> None:
    vendor.next(words=30, hold=(12,))
    far.ask("Lost and reloaded")
    expect(far.words).to_have_text(words(12))
    relay.cut()
    expect(far.note).to_have_text(LOST)
    relay.mend()
    far.page.reload()
    expect(far.words).to_have_text(words(12))
    vendor.release()
    whole_and_once(far, vendor, words(30))


def test_what_is_sent_offline_goes_out_once_when_back(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("Online")
    here.expected.append(NETWORK)
    here.context.set_offline(True)
    expect(here.page.locator("#notice")).to_have_text(OFFLINE)
    here.ask("Offline")
    expect(here.questions).to_have_text(["Online", "Offline"])
    expect(here.note).to_have_text(OFFLINE)
    expect(here.page.locator(".answer.thinking")).to_have_count(0)  # no dot that pretends
    assert len(here.stored("user")) == 1
    here.context.set_offline(False)
    here.finished()
    expect(here.note).to_be_hidden()
    assert [each["content"] for each in here.stored("user")] == ["Online", "Offline"]
    assert len(vendor.turns) == 2


def test_a_first_message_waits_for_the_network_too(far: Visit, relay: Relay, vendor: Vendor) -> None:
    relay.cut()
    far.ask("My very first")
    expect(far.questions).to_have_text(["My very first"])
    expect(far.note).to_have_text(LOST)
    relay.mend()
    far.finished()
    assert [each["content"] for each in far.stored("user")] == ["My very first"]
    assert len(far.api.get("/chat/sessions", user_id=far.user)["sessions"]) == 1


def test_a_first_message_into_a_silent_network_is_told_too(far: Visit, relay: Relay, vendor: Vendor) -> None:
    relay.silence()
    far.ask("My very first")
    expect(far.note).to_have_text(LOST)
    relay.speak()
    far.finished()
    expect(far.note).to_be_hidden()
    assert [each["content"] for each in far.stored("user")] == ["My very first"]
    assert len(vendor.turns) == len(far.api.get("/chat/sessions", user_id=far.user)["sessions"]) == 1


def test_what_could_not_be_sent_before_the_tab_was_closed_goes_out_once(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("Online")
    session = here.session
    here.expected.append(NETWORK)
    here.context.set_offline(True)
    here.ask("Closed too soon")
    expect(here.note).to_have_text(OFFLINE)
    here.page.close()
    here.context.set_offline(False)
    here.page = here.context.new_page()
    here.open(fragment=f"#{session}")
    expect(here.questions).to_have_text(["Online", "Closed too soon"])
    here.finished()
    here.page.reload()
    expect(here.questions).to_have_text(["Online", "Closed too soon"])
    assert len(here.stored("user")) == len(vendor.turns) == 2


def test_an_answer_that_came_while_the_network_was_away_is_not_asked_for_again(
    far: Visit, relay: Relay, vendor: Vendor
) -> None:
    """The request has arrived, the response has not: the same key is told the same turn."""
    far.asked_and_answered("First")
    vendor.next(words=20, hold=(0,))
    far.ask("Second")
    far.api.wait_for(far.session, "running")
    relay.cut()
    vendor.release()
    far.api.wait_for(far.session, "complete")
    relay.mend()
    assert far.finished() == words(20)
    assert len(far.stored("user")) == len(vendor.turns) == 2


def test_a_restart_in_mid_answer_keeps_what_was_said(here: Visit, served: Server, vendor: Vendor) -> None:
    here.expected.append(NETWORK)
    vendor.next(words=300, hold=(12,))
    here.ask("Before the restart")
    expect(here.words).to_have_text(words(12))
    served.restart()
    expect(here.note).to_have_text("The server restarted in the middle. Try again.")
    assert here.finished() == words(12)
    here.page.reload()
    expect(here.note).to_have_text("This answer was interrupted.")
    assert here.finished() == words(12)
    vendor.next(words=10)
    here.action("Regenerate").click()
    expect(here.page.locator(".answer .count")).to_have_text("2/2")
    assert here.finished() == words(10)
    expect(here.note).to_be_hidden()
    assert len(here.stored("user")) == 1
