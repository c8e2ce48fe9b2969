"""The admin's own scripts, in a browser: charts are drawn, and a rehearsal streams what was said as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.api import Api
from tests.browsing import chromium
from tests.databases import ADMIN
from tests.serving import Server

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=document.title='ran'> How do I begin?"
INKED = """
() => [...document.querySelectorAll(".uplot canvas")].map(
    canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))
"""
SCRIPT = {"openers": [], "replies": {"other": ["You said {about}"]}, "closers": []}


@pytest.fixture(scope="module")
def operator(coach: Server) -> Iterator[Page]:
    """A page, logged in as the operator."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{coach.url}/admin/")
        for name, value in zip(("username", "password"), ADMIN, strict=True):
            page.locator(f"[name={name}]").fill(value)
        page.keyboard.press("Enter")
        expect(page.locator("#figures")).to_be_attached(timeout=20_000)
        yield page


@pytest.fixture
def page(operator: Page) -> Iterator[Page]:
    """The operator's page; at the end it has complained of nothing but the icon that is not there."""
    complaints: list[str] = []
    operator.on("console", lambda said: complaints.append(f"{said.text} {said.location['url']}"))
    operator.on("pageerror", lambda error: complaints.append(str(error)))
    yield operator
    assert [each for each in complaints if "favicon" not in each] == []


def test_a_session_reads_as_in_the_chat(coach: Server, page: Page) -> None:
    api = Api(coach.url, user="read")
    session = api.start()
    api.stream(session, "**Hello**")
    with coach.database() as database:
        database.execute(
            "UPDATE chat_message SET text = %s WHERE session_id = %s AND role = 'assistant'",
            [
                f"A **strong** start {EVIL}\n\n| Day | What |\n| --- | --- |\n| 1 | Run |\n",
                session.removeprefix("session_"),
            ],
        )
    page.goto(f"{coach.url}/admin/chat/session/{session.removeprefix('session_')}/change/")
    answer = page.locator(".transcript .assistant .bubble")
    expect(answer.locator("strong")).to_have_text("strong")
    expect(answer.locator("td")).to_have_text(["1", "Run"])
    expect(answer).to_contain_text("<img src=x")
    assert answer.locator("img").count() == 0
    expect(page.locator(".transcript .user .bubble")).to_have_text("**Hello**")
    assert page.title() != "ran"


def test_the_charts_are_drawn_and_can_be_read(coach: Server, page: Page) -> None:
    api = Api(coach.url, user="charted")
    api.stream(api.start(), "Hello")
    page.goto(f"{coach.url}/admin/?range=1h")
    expect(page.locator(".uplot canvas")).to_have_count(5, timeout=20_000)
    assert page.evaluate(INKED) == [True] * 5
    page.locator(".numbers summary").click()
    expect(page.locator(".numbers tbody tr")).to_have_count(60, timeout=20_000)
    addresses = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert addresses
    assert all(address.startswith(coach.url) for address in addresses)


def test_a_rehearsal_streams_into_the_page_as_text(coach: Server, page: Page) -> None:
    page.goto(f"{coach.url}/admin/personas/persona/calm_coach/change/")
    page.evaluate(
        "script => { document.getElementById('persona_form').elements.script.value = script; }", json.dumps(SCRIPT)
    )
    message = page.locator(".rehearsal [name=message]")
    message.fill(EVIL)
    message.press("Enter")
    expect(page.locator(".rehearsal .note")).to_be_visible(timeout=20_000)
    said = page.locator(".rehearsal li").all_inner_texts()
    assert said[0] == EVIL
    assert "You said <img src=x" in said[1]
    assert said[2].startswith("config · scripted · ")
    assert page.title() != "ran"
    assert page.locator(".rehearsal img").count() == 0
    page.locator(".rehearsal [data-do=clear]").click()
    expect(page.locator(".rehearsal li")).to_have_count(0)
