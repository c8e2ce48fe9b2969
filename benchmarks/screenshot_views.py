"""What there is to look at: each picture's name, the way to it, and the device that it is seen on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks import screenshot_talk as talk

if TYPE_CHECKING:
    from playwright.async_api import Page

EDITED = "fitness_coach"
"""The persona in the workshop, which has two versions."""


@dataclass(frozen=True, slots=True)
class Look:
    """Of a device: CSS pixels, the colours that it prefers, device pixels a CSS pixel, and whether it asks for less motion."""

    size: tuple[int, int]
    scheme: str = "light"
    scale: int = 1
    still: bool = True


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is; `session`: the talk with all of it; `key`: its bare number, for the admin; `login`: of the operator."""

    address: str
    session: str
    login: tuple[str, str]

    @property
    def key(self) -> str:
        return self.session.removeprefix("session_")


Way = Callable[["Page", Site], Awaitable[None]]


async def empty(page: Page, site: Site) -> None:
    await page.goto(site.address)
    await page.wait_for_selector("#starters li")
    await page.wait_for_selector("#sessions li", state="attached")


async def conversation(page: Page, site: Site) -> None:
    await empty(page, site)
    await page.goto(f"{site.address}#{site.session}")
    await page.locator(".answer .actions button").nth(1).wait_for()
    await page.locator("#sessions [aria-current]").wait_for(state="attached")


async def remembered(page: Page, site: Site) -> None:
    await conversation(page, site)
    if await page.locator("header [data-sidebar]").is_visible():
        await page.locator("header [data-sidebar]").click()
    await page.click("#open-memory")
    await page.locator("#facts li").first.wait_for()


async def versions(page: Page, site: Site) -> None:
    await conversation(page, site)
    await page.locator(".answer .versions .action:not(.small)").last.click()
    await page.locator("#versions[open] section").nth(1).wait_for()


async def growing(page: Page, site: Site) -> None:
    await empty(page, site)
    await page.fill("#field", talk.GROWING.question)
    await page.click("#send")
    await page.get_by_text("That is the line that").wait_for()


async def offline(page: Page, site: Site) -> None:
    await conversation(page, site)
    await page.context.set_offline(True)
    await page.fill("#field", "And when it rains?")
    await page.click("#send")
    await page.locator(".answer .note").last.wait_for()
    await page.locator("#notice").evaluate("notice => (notice.hidden = true)")  # it goes by itself, in six seconds


async def sidebar(page: Page, site: Site) -> None:
    await conversation(page, site)
    await page.locator("header [data-sidebar]").click()


async def dashboard(page: Page, site: Site) -> None:
    await _admin(page, site, "?range=7d")
    await page.locator(".uplot canvas").nth(4).wait_for()


async def workshop(page: Page, site: Site) -> None:
    await _admin(page, site, f"personas/persona/{EDITED}/change/")
    await page.fill(".rehearsal [name=message]", talk.RUNNING.said[0].question)
    await page.press(".rehearsal [name=message]", "Enter")
    await page.wait_for_selector(".rehearsal .note")
    await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")


async def session(page: Page, site: Site) -> None:
    await _admin(page, site, f"chat/session/{site.key}/change/")
    await page.evaluate("document.querySelector('.transcript').scrollIntoView()")


async def difference(page: Page, site: Site) -> None:
    await _admin(page, site, f"personas/persona/{EDITED}/versions/?old=1&new=2")


async def _admin(page: Page, site: Site, path: str) -> None:
    await page.goto(f"{site.address}admin/login/?next=/admin/{path}")
    await page.fill("[name=username]", site.login[0])
    await page.fill("[name=password]", site.login[1])
    await page.press("[name=password]", "Enter")
    await page.wait_for_selector("#content")


DESKTOP, PHONE = Look((1280, 800)), Look((390, 844), scale=2)
ADMIN = Look((1280, 1000))
DARK = "dark"

PICTURES: Mapping[str, tuple[Way, Look]] = {
    "page-empty-desktop-light": (empty, DESKTOP),
    "page-conversation-desktop-light": (conversation, DESKTOP),
    "page-conversation-desktop-dark": (conversation, replace(DESKTOP, scheme=DARK)),
    "page-empty-phone-light": (empty, PHONE),
    "page-empty-phone-dark": (empty, replace(PHONE, scheme=DARK)),
    "page-conversation-phone-light": (conversation, PHONE),
    "page-conversation-phone-dark": (conversation, replace(PHONE, scheme=DARK)),
    "page-sidebar-phone-light": (sidebar, PHONE),
    "page-offline-phone-dark": (offline, replace(PHONE, scheme=DARK)),
    "page-memory-desktop-light": (remembered, DESKTOP),
    "page-memory-phone-dark": (remembered, replace(PHONE, scheme=DARK)),
    "page-versions-desktop-light": (versions, DESKTOP),
    "page-growing-desktop-light": (growing, replace(DESKTOP, still=False)),
    "admin-dashboard": (dashboard, ADMIN),
    "admin-workshop": (workshop, ADMIN),
    "admin-session": (session, ADMIN),
    "admin-persona-diff": (difference, ADMIN),
}
