"""A user at the chat page: a browser context of its own, and a watch over all that goes wrong in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebError, expect

from tests.api import Api
from tests.serving import Server
from tests.vendor.scenarios import WORDS

SESSION = re.compile(r"#(session_[0-9a-f]{32})$")

NETWORK = r"Failed to load resource"
"""What Chromium itself writes on the console where an answer is an error, or none came."""


def words(count: int) -> str:
    """What the stub vendor says in that many words."""
    return " ".join(WORDS[at % len(WORDS)] for at in range(count))


@dataclass
class Visit:
    """`page` is its first tab. `expected` holds patterns of what may appear on the console in this test."""

    context: BrowserContext
    url: str
    server: Server
    expected: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The addresses of all requests."""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(30_000)
        self.context.on("console", self._said)
        self.context.on("weberror", self._failed)
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()
        self.open()

    def open(self, page: Page | None = None, fragment: str = "") -> Page:
        """The page, ready to be written to."""
        page = page or self.page
        page.goto(f"{self.url}/{fragment}")
        expect(page.locator("#coach summary .name")).not_to_be_empty()
        return page

    def tab(self) -> Page:
        """Another tab on the same session."""
        return self.open(self.context.new_page(), f"#{self.session}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, error: WebError) -> None:
        self.complaints.append(f"thrown: {error.error}")

    def wrong(self) -> list[str]:
        """What nobody expected: errors, violations of the policy, requests to other hosts."""
        said = [each for each in self.complaints if not any(re.search(one, each) for one in self.expected)]
        host = urlsplit(self.url).netloc
        strange = [
            each for each in self.asked if not each.startswith(("data:", "blob:")) and urlsplit(each).netloc != host
        ]
        return said + strange

    # --- what is on the page --------------------------------------------------------------------------------------
    @property
    def field(self) -> Locator:
        return self.page.locator("#field")

    @property
    def button(self) -> Locator:
        return self.page.locator("#send")

    @property
    def questions(self) -> Locator:
        return self.page.locator(".question .bubble")

    @property
    def answer(self) -> Locator:
        """The last one."""
        return self.page.locator(".answer").last

    @property
    def words(self) -> Locator:
        return self.answer.locator(".words")

    @property
    def note(self) -> Locator:
        return self.answer.locator(".note")

    @property
    def session(self) -> str:
        """Its id, from the address; there once something was sent."""
        expect(self.page).to_have_url(SESSION)
        found = SESSION.search(self.page.url)
        assert found
        return found[1]

    def action(self, name: str) -> Locator:
        """A button under the last answer."""
        return self.answer.get_by_role("button", name=name, exact=True)

    # --- what a user does -----------------------------------------------------------------------------------------
    def ask(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def asked_and_answered(self, text: str) -> str:
        """The whole answer."""
        before = self.page.locator(".answer").count()
        self.ask(text)
        expect(self.page.locator(".answer")).to_have_count(before + 1)
        return self.finished()

    def finished(self, page: Page | None = None) -> str:
        """The last answer's text, once it is finished."""
        page = page or self.page
        expect(page.locator(".answer").last).to_have_attribute("aria-busy", "false")
        return page.locator(".answer .words").last.inner_text()

    # --- what the server has --------------------------------------------------------------------------------------
    @property
    def user(self) -> str:
        return str(self.page.evaluate("localStorage.getItem('coach.user')"))

    @property
    def api(self) -> Api:
        return Api(self.server.url, self.user)

    def stored(self, role: str = "") -> list[dict[str, Any]]:
        """The session's messages, of all branches, oldest first."""
        detail = self.api.get(f"/chat/sessions/{self.session}", branches="all", limit=200)
        return [each for each in detail["messages"] if each["role"] == role or not role]


def visit(browser: Browser, server: Server, url: str = "", **options: Any) -> Visit:
    """A new context at the page; `options` are of Playwright's `new_context`."""
    options = {"locale": "en-US", "reduced_motion": "no-preference", **options}
    return Visit(browser.new_context(**options), url or server.url, server)
