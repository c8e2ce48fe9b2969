"""The chat page in a headless Chromium: how soon it is there, how soon a word is painted, what a long reply costs it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.browser import FULL, THROTTLED, Speed, Tab, chromium, tab
from benchmarks.figures import Row, percentile
from benchmarks.plan import Plan, Result
from benchmarks.stack import Stack, say

if TYPE_CHECKING:
    from playwright.async_api import Browser

PAINT, COMPOSER, REQUESTS, SCRIPT_KB = 1000, 1200, 6, 45
FIRST, AGE, BUSY, FRAME = 60, 50, 4.0, 50
"""To reach: ms, ms, requests, KB; ms, ms, s of 20, ms."""

STREAM = 20.0
"""s of a long reply for which the figure of the main thread is given."""

MORE_MB = 1.0
"""Of the heap, in forty turns; half of it in a new chat after them."""

TURNS = 50
KEYS = "a key, throttled; and Enter sends it"
MANNERS = ("words", "prose")
ANSWERED = "document.querySelectorAll('.answer:not([aria-busy=true])').length >= {count}"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SAID = "[...document.querySelectorAll('.answer .words')].at(-1).textContent.trim().split(/\\s+/).length"
BETWEEN_KEYS = 0.02
"""s."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """ms from the navigation; `key`: a key was in the field; `ready`: the script had heard of it, so that Enter sends."""

    paint: float
    requests: int
    script_kb: float
    key: float
    ready: float


@dataclass(frozen=True, slots=True)
class Streamed:
    """Of one long reply. `ages`, `gaps` between frames: ms, all of them; `busy`: s of the main thread in 20 s, and
    `worked` of its processor time.
    """

    ages: list[float]
    gaps: list[float]
    busy: float
    worked: float
    shift: float

    @property
    def age(self) -> float:
        return percentile(self.ages, 95)

    @property
    def slow(self) -> int:
        return sum(gap > FRAME for gap in self.gaps)

    def told(self) -> dict[str, float]:
        ages = {f"age_p{share}": percentile(self.ages, share) for share in (50, 95, 99)}
        frames = {"frames": len(self.gaps), "frames_over_50": self.slow, "longest_frame": max(self.gaps)}
        return {**ages, "busy": self.busy, "worked": self.worked, **frames, "shift": self.shift}


@dataclass(frozen=True, slots=True)
class Kept:
    """After garbage collection: MB of the heap and DOM nodes after a fifth of the turns, after all, and in a new chat then."""

    turns: int
    early: tuple[float, float]
    late: tuple[float, float]
    left: tuple[float, float]


async def measure(stack: Stack, plan: Plan) -> Result:
    """Loads, first words, replies of `plan.streams` words at `plan.rate` a second, and turns one after the other."""
    server = stack.server("page", COACH_CONTEXT="memory.source.Memory", COACH_BACKGROUND="on")
    await server.use("claude")
    async with chromium() as browser:
        return await seen(browser, f"http://127.0.0.1:{server.port}/", plan)


async def seen(browser: Browser, address: str, plan: Plan) -> Result:
    say("page: loads, throttled")
    await load(browser, address, FULL)
    loads = [await load(browser, address, THROTTLED) for _ in range(plan.rounds)]
    say("page: first words")
    firsts = await first_words(browser, address, plan)
    streams = {}
    for speed in (FULL, THROTTLED):
        for manner in MANNERS:
            say(f"page: a long reply of {manner}, {speed.name}")
            streams[f"{manner}, {speed.name}"] = await stream(browser, address, plan, manner, speed)
    say("page: turns")
    kept = await turns(browser, address, plan)
    figures = {"loads": [asdict(each) for each in loads], "first_words": firsts, "kept": asdict(kept)}
    figures["streams"] = {name: each.told() for name, each in streams.items()}
    return Result(rows(loads, firsts, streams, kept), figures)


async def load(browser: Browser, address: str, speed: Speed) -> Loaded:
    """Once without a key, for what the page itself asks for; then in another new profile, with one typed at once."""
    async with tab(browser, speed) as alone:
        sizes: dict[str, float] = {}
        scripts: set[str] = set()
        asked: set[str] = set()

        def heard(answer: dict[str, Any]) -> None:
            if answer["type"] == "Script":
                scripts.add(answer["requestId"])

        alone.tools.on("Network.requestWillBeSent", lambda each: _asked(each, asked))
        alone.tools.on("Network.responseReceived", heard)
        alone.tools.on(
            "Network.loadingFinished", lambda each: sizes.update({each["requestId"]: each["encodedDataLength"]})
        )
        await alone.page.goto(address)
        await alone.page.wait_for_load_state("networkidle")
        paint = float(await alone.page.evaluate(PAINTED))
        script = sum(sizes[each] for each in scripts) / 1000
    async with tab(browser, speed) as typed:
        going = asyncio.create_task(typed.page.goto(address, wait_until="commit"))
        found: dict[str, Any] = {}
        while not found.get("ready"):
            await typed.page.keyboard.type("a")
            await asyncio.sleep(BETWEEN_KEYS)
            found = await typed.probed() if going.done() else {}
        await typed.page.keyboard.press("Enter")
        await typed.until("document.querySelector('.question') !== null")
        return Loaded(paint, len(asked), script, found["key"], found["ready"])


async def first_words(browser: Browser, address: str, plan: Plan) -> list[float]:
    """ms from Enter to the first word, in one session; the first turns warm up."""
    taken = []
    async with tab(browser, FULL) as at:
        await at.page.goto(address)
        for count in range(1, 4 * plan.rounds + 3):
            found = await _answered(at, f"stub-{plan.short}-{plan.rate}-words", count)
            taken.append(found["first"] - found["enter"])
    return taken[2:]


async def stream(browser: Browser, address: str, plan: Plan, manner: str, speed: Speed) -> Streamed:
    """A reply of one paragraph, with the probe looking at each frame; and another without it, for what the page does alone."""
    words, short = f"stub-{plan.streams}-{plan.rate}-{manner}", f"stub-{plan.short}-{plan.rate}-words"
    async with tab(browser, speed) as at:
        await at.page.goto(address)
        await _answered(at, short, 1)
        found = await _answered(at, words, 2)
        if (count := await at.page.evaluate(SAID)) != plan.streams:
            raise SystemExit(f"{count} of {plan.streams} words were painted.")
    async with tab(browser, speed) as at:
        await at.page.goto(address)
        await _answered(at, short, 1)
        begun = await at.busy()
        await _answered(at, words, 2, watched=False)
        share = STREAM * plan.rate / plan.streams
        busy, worked = (share * (after - before) for before, after in zip(begun, await at.busy(), strict=True))
    return Streamed(found["ages"], found["gaps"], busy, worked, found["shift"])


async def turns(browser: Browser, address: str, plan: Plan) -> Kept:
    """Fifty, or fewer of a small plan, in one session."""
    looks, count = [], max(5, min(TURNS, plan.streams // 40))
    async with tab(browser, FULL) as at:
        await at.page.goto(address)
        for number in range(1, count + 1):
            await _answered(at, f"stub-{plan.long}-0-prose", number, watched=False)
            if number in (count // 5, count):
                looks.append(await _memory(at))
        await at.page.click("#new")
        looks.append(await _memory(at))
    return Kept(count, *looks)


async def _memory(at: Tab) -> tuple[float, float]:
    for _ in range(2):  # what the first one finalizes, the second one frees
        await at.tools.send("HeapProfiler.collectGarbage")
    found = await at.metrics()
    return found["JSHeapUsedSize"] / 1e6, found["Nodes"]


async def _answered(at: Tab, message: str, count: int, *, watched: bool = True) -> dict[str, Any]:
    """Types it and waits for the answer's end. `count`: answers that there are then; `watched`: by the probe, which is work."""
    await at.page.fill("#field", message)
    await at.until("!document.getElementById('send').disabled")
    if watched:
        await at.page.evaluate("clock => probe.start(clock)", (time.time() - time.monotonic()) * 1000)
    await at.page.keyboard.press("Enter")
    await at.until(ANSWERED.format(count=count))
    await at.page.evaluate("probe.stop()")
    return await at.probed()


def _asked(event: dict[str, Any], found: set[str]) -> None:
    if not event["request"]["url"].startswith("data:"):
        found.add(event["requestId"])


def rows(loads: list[Loaded], firsts: list[float], streams: dict[str, Streamed], kept: Kept) -> list[Row]:
    """The table's lines: of loads the medians, of replies the plain one at full speed with the others beside it."""
    loaded = Loaded(*(statistics.median(each) for each in zip(*map(astuple, loads), strict=True)))
    first, half = percentile(firsts, 95), percentile(firsts, 50)
    paint, script = loaded.paint, loaded.script_kb
    taken = f"{loaded.key:,.0f} ms; {loaded.ready:,.0f} ms"
    light = loaded.requests <= REQUESTS and script < SCRIPT_KB
    asked, most = f"{loaded.requests:.0f}; {script:.1f} KB", f"≤ {REQUESTS}; < {SCRIPT_KB} KB"
    return [
        Row("the page's first paint, throttled", f"{paint:,.0f} ms", "", f"< {PAINT:,} ms", paint < PAINT),
        Row(f"its composer takes {KEYS}", taken, "", f"< {COMPOSER:,} ms", loaded.ready < COMPOSER),
        Row("its requests; JavaScript on the wire", asked, "", most, light),
        Row(
            "Enter to the first token painted, p95",
            f"{first:.0f} ms",
            f"p50 {half:.0f} ms",
            f"< {FIRST} ms",
            first < FIRST,
        ),
        *_of_streams(streams),
        _kept(kept),
    ]


def _of_streams(streams: dict[str, Streamed]) -> list[Row]:
    name, *others = streams
    plain = streams[name]

    def row(figure: str, show: Callable[[Streamed], str], reach: str, *, reached: bool) -> Row:
        beside = "; ".join(f"{other} {show(streams[other])}" for other in others)
        return Row(figure, show(plain), beside, reach, reached)

    steady = plain.slow == 0 and plain.shift == 0
    busy = f"main thread busy in {STREAM:.0f} s of stream; its processor time"
    return [
        row(
            "age of a token when painted, p95",
            lambda each: f"{each.age:.0f} ms",
            f"< {AGE} ms",
            reached=plain.age < AGE,
        ),
        row(busy, lambda each: f"{each.busy:.1f}; {each.worked:.1f} s", f"< {BUSY:.0f} s", reached=plain.busy < BUSY),
        row(
            f"frames over {FRAME} ms; layout shift",
            lambda each: f"{each.slow}; {each.shift:.3g}",
            "0; 0",
            reached=steady,
        ),
    ]


def _kept(kept: Kept) -> Row:
    early, late, left = kept.early, kept.late, kept.left
    return Row(
        f"the page's heap after {kept.turns // 5} and {kept.turns} turns, and in a new chat then",
        f"{early[0]:.1f}, {late[0]:.1f}, {left[0]:.1f} MB",
        f"{early[1]:,.0f}, {late[1]:,.0f}, {left[1]:,.0f} DOM nodes",
        f"< {MORE_MB:.0f} MB more; < {MORE_MB / 2} MB more",
        late[0] - early[0] < MORE_MB and left[0] - early[0] < MORE_MB / 2,
    )
