"""A headless Chromium that is measured: throttled or not, with what the DevTools protocol tells of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page

PROBE = Path(__file__).with_name("page_probe.js")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120
"""s that anything on the page may take; more is an error."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of the network (bits a second both ways, ms before an answer begins) and the processor, divided. 0 bits: as it is."""

    name: str
    bits: int = 0
    latency: int = 0
    slower: int = 1


FULL = Speed("at full speed")
THROTTLED = Speed("throttled", bits=1_600_000, latency=150, slower=4)


@dataclass(frozen=True, slots=True)
class Tab:
    """A page in a profile of its own, which has nothing in its cache, with the probe in it."""

    page: Page
    tools: CDPSession
    clock: CDPSession
    """Whose seconds are of the main thread's processor time."""

    async def metrics(self, tools: CDPSession | None = None) -> dict[str, float]:
        """Performance.getMetrics: seconds, bytes, counts."""
        found = await (tools or self.tools).send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in found["metrics"]}

    async def busy(self) -> tuple[float, float]:
        """s that the main thread's tasks took so far: by the wall's clock, and of processor time."""
        wall, processor = await self.metrics(), await self.metrics(self.clock)
        return wall["TaskDuration"], processor["TaskDuration"]

    async def probed(self) -> dict[str, Any]:
        """What benchmarks/page_probe.js has found."""
        return dict(await self.page.evaluate("probe"))

    async def until(self, condition: str) -> None:
        """Looked at every tenth of a second, from outside: the page's policy forbids what wait_for_function does in it."""
        async with asyncio.timeout(PATIENCE):
            while not await self.page.evaluate(condition):  # noqa: ASYNC110 — it is another process's state
                await asyncio.sleep(0.1)


def program() -> str:
    """Of the Chromium here. SystemExit where there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found:
        raise SystemExit("This takes a Chromium: apt-get install chromium")
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """SystemExit where there is none."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 — of the development's requirements, and of this part only

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=program(), args=["--no-sandbox", "--disable-quic"])
        yield browser
        await browser.close()


@asynccontextmanager
async def tab(browser: Browser, speed: Speed) -> AsyncIterator[Tab]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.add_init_script(path=PROBE)
    tools = await context.new_cdp_session(page)
    await tools.send("Network.enable")
    await tools.send("Performance.enable")
    clock = await context.new_cdp_session(page)
    await clock.send("Performance.enable", {"timeDomain": "threadTicks"})
    if speed.bits:
        rate = speed.bits / 8
        limits = {"offline": False, "latency": speed.latency, "downloadThroughput": rate, "uploadThroughput": rate}
        await tools.send("Network.emulateNetworkConditions", limits)
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": speed.slower})
    yield Tab(page, tools, clock)
    await context.close()
