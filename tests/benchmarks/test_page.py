"""The page's part: that it measures what it says, in small."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.browser import FULL, Speed, chromium
from benchmarks.page import Kept, Loaded, Streamed
from benchmarks.plan import Plan
from benchmarks.stack import free_port, running, wait_for
from tests.conftest import Serve

SLOW = Speed("slow", bits=8_000_000, latency=50, slower=2)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    with running([sys.executable, "-m", "benchmarks.vendor", str(port)], {}, tmp_path / "log"):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@pytest.mark.browser
def test_the_page_is_measured_in_a_browser(server: Serve, stub: str) -> None:
    coach = server(COACH_BRAIN="claude", ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=stub, COACH_LIMITS="off")

    plan, address = Plan(streams=60, rounds=1, long=10, rate=100), f"{coach.url}/"

    async def work() -> tuple[Loaded, list[float], Streamed, Kept]:
        async with chromium() as browser:
            load = await page.load(browser, address, SLOW)
            firsts = await page.first_words(browser, address, plan)
            stream = await page.stream(browser, address, plan, "prose", FULL)
            return load, firsts, stream, await page.turns(browser, address, plan)

    load, firsts, stream, kept = asyncio.run(work())
    assert 2 * SLOW.latency < load.paint < 10_000  # ms: that of the document and of its style is in it
    assert load.key <= load.ready
    assert load.requests == 5
    assert 20 < load.script_kb < 60
    assert len(firsts) == 4
    assert all(0 < taken < 10_000 for taken in firsts)
    told = stream.told()
    assert 0 < told["age_p50"] <= told["age_p95"]
    assert told["worked"] > 0
    assert told["busy"] > 0
    assert told["frames"] > 5
    assert (kept.turns, kept.late[0] > 1) == (5, True)


def test_the_table_says_what_the_page_reaches() -> None:
    load, kept = Loaded(600, 6, 44.7, 600, 900), Kept(50, (3.4, 1000), (3.7, 3000), (3.5, 600))
    plain, rough = Streamed([10.0] * 20, [16.0], 3.0, 2.5, 0), Streamed([90.0] * 20, [16.0, 70.0], 5.0, 2.5, 0.01)
    good = page.rows([load] * 3, [40.0, 50.0], {"plain": plain, "rough": rough}, kept)
    assert [row.reached for row in good] == [True] * 8
    assert [row.beside for row in good][4:7] == ["rough 90 ms", "rough 5.0; 2.5 s", "rough 1; 0.01"]
    late = Loaded(1100, 7, 44.7, 600, 1300)
    grown = Kept(50, (3.4, 1000), (5.7, 3000), (3.5, 600))
    bad = page.rows([late], [40.0, 70.0], {"rough": rough}, grown)
    assert [row.reached for row in bad] == [False] * 8
