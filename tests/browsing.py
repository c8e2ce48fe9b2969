"""A real Chromium for tests: Debian's, driven by Playwright, one for a module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.conftest import CHROMIUM

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A browser, ended with the block. While it is open its thread has a running event loop: no ORM, no `asyncio.run`."""
    path = next((found for found in map(shutil.which, CHROMIUM) if found), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()
