"""Markdown as it streams, a column that stays where it is, scrolling that follows and never steals, memory that stays flat."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import CDPSession, expect

from tests.vendor import Scenario, Vendor
from tests.web.visits import Visit, words

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]

TEXT = """# A plan

Some *soft* and **strong** words, `code` and a [link](https://example.com/a_b).

1. Warm up
2. Run
   - slowly
   - then faster

| Day | What |
| --- | --- |
| Monday | Rest |
| Friday | **Run** |

```python
for lap in range(3):
    print("<b>run</b>")
```

> Small steps.

- [ ] shoes
- [x] water

The end.
"""

WATCH = """() => {
  window.seen = { shifts: 0, texts: [], tables: new Set(), raw: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: false });
  new MutationObserver(() => {
    const words = [...document.querySelectorAll(".answer .words")].at(-1);
    if (!words) return;
    window.seen.texts.push(words.textContent);
    const table = words.querySelector("table");
    if (table) window.seen.tables.add(`${table.rows.length}x${table.rows[0].cells.length}`);
    if (/[*|`]|\\]\\(/.test(words.innerText)) window.seen.raw.push(words.innerText);
  }).observe(document.querySelector("#messages"), { subtree: true, childList: true, characterData: true });
}"""


def pieces(text: str, size: int = 5) -> tuple[str, ...]:
    return tuple(text[at : at + size] for at in range(0, len(text), size))


def test_markdown_is_drawn_as_it_streams_and_nothing_jumps(here: Visit, vendor: Vendor) -> None:
    here.asked_and_answered("First")
    first_row, second_row = (TEXT.index(day) // 5 for day in ("Monday", "Friday"))
    vendor.next(deltas=pieces(TEXT), pace=0.012, hold=(6, first_row, second_row + 1))
    here.page.evaluate(WATCH)
    here.ask("A plan, please")
    expect(here.words.locator("h3")).to_have_text("A plan")
    expect(here.words.locator("strong")).to_have_count(1)  # begun, and not ended yet
    vendor.release()
    expect(here.words.locator("ol ul li").last).to_have_text("then faster")
    expect(here.words.locator("table")).to_have_count(0)  # its head is there, and would jump
    vendor.release()
    expect(here.words.locator("table")).to_have_text(re.compile("Day.*What.*Monday.*Rest", re.DOTALL))
    expect(here.words).not_to_contain_text("Fri")
    vendor.release()
    here.finished()
    expect(here.words.locator("em, strong, code").nth(0)).to_have_text("soft")
    expect(here.words.locator("ol ul li")).to_have_text(["slowly", "then faster"])
    expect(here.words.locator("td")).to_have_text(["Monday", "Rest", "Friday", "Run"])
    expect(here.words.locator("pre code")).to_have_text('for lap in range(3):\n    print("<b>run</b>")\n')
    expect(here.words.locator("blockquote")).to_have_text("Small steps.")
    expect(here.words.locator("input[type=checkbox]")).to_have_count(2)
    link = here.words.get_by_role("link", name="link")
    expect(link).to_have_attribute("href", "https://example.com/a_b")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    seen = here.page.evaluate("({ ...window.seen, tables: [...window.seen.tables] })")
    assert len(seen["texts"]) > 3  # in steps; how many depends on how busy the machine is
    assert "1x2" not in seen["tables"]  # a head and a row: held back until then
    assert seen["tables"][-1] == "3x2"
    assert seen["raw"] == []  # no mark was ever shown as a sign
    assert seen["shifts"] == 0
    drawn = here.words.inner_html()
    here.page.reload()
    here.finished()
    assert here.words.inner_html() == drawn


def test_a_long_paragraph_grows_without_a_shift_and_is_followed(here: Visit, vendor: Vendor) -> None:
    vendor.next(words=700, pace=0.002)
    here.page.evaluate(WATCH)
    here.ask("At length")
    expect(here.words).to_contain_text("steady")
    here.finished()
    assert here.page.evaluate("window.seen.shifts") == 0
    expect(here.page.locator("#to-end")).to_be_hidden()
    assert here.page.evaluate(BELOW) < 2


BELOW = "(() => { const at = document.querySelector('#scroller'); return at.scrollHeight - at.scrollTop - at.clientHeight })()"


def test_scrolling_up_is_not_undone_and_a_button_leads_back(here: Visit, vendor: Vendor) -> None:
    vendor.base = Scenario(deltas=("One line.\n\n",) * 40)
    here.asked_and_answered("Fill the page")
    vendor.next(deltas=("One more line.\n\n",) * 120, hold=(20, 60, 100))
    here.ask("Go on")
    expect(here.words.locator(".block")).to_have_count(20)
    assert here.page.evaluate(BELOW) < 60
    here.page.locator("#scroller").hover()
    here.page.mouse.wheel(0, -600)
    button = here.page.get_by_role("button", name="To the newest words")
    expect(button).to_be_visible()
    top = here.page.evaluate("document.querySelector('#scroller').scrollTop")
    vendor.release()
    expect(here.words.locator(".block")).to_have_count(60)
    assert here.page.evaluate("document.querySelector('#scroller').scrollTop") == top
    button.click()
    expect(button).to_be_hidden()
    vendor.release()
    expect(here.words.locator(".block")).to_have_count(100)
    assert here.page.evaluate(BELOW) < 60
    here.page.keyboard.press("Escape")
    here.finished()


def test_a_screen_reader_hears_whole_sentences_once(here: Visit, vendor: Vendor) -> None:
    sentences = [f"This is **sentence** number {number}, said slowly." for number in range(12)]
    deltas = tuple(f"{word} " for word in " ".join(sentences).split())
    vendor.next(deltas=deltas, hold=(20, 40))
    here.page.evaluate(
        """() => {
          window.heard = [];
          new MutationObserver((changes) => {
            for (const { addedNodes } of changes) for (const each of addedNodes) window.heard.push(each.textContent);
          }).observe(document.querySelector("#spoken"), { childList: true, subtree: true });
        }"""
    )
    here.ask("Read to me")
    spoken = here.page.locator("#spoken p")
    expect(spoken).to_have_count(1)
    vendor.release()
    expect(spoken).to_have_count(2)
    vendor.release()
    here.finished()
    expect(spoken).to_have_count(3)
    heard = here.page.evaluate("window.heard")
    assert heard[0] == " ".join(sentences[:2]).replace("**", "")  # the third had only begun
    assert all(each.endswith("slowly.") for each in heard)
    assert " ".join(heard) == " ".join(sentences).replace("**", "")
    expect(here.page.locator("#spoken")).to_have_attribute("aria-live", "polite")


def test_memory_stays_flat_over_fifty_turns(here: Visit, vendor: Vendor) -> None:
    vendor.base = Scenario(deltas=tuple(itertools.chain.from_iterable((f"{word} ",) for word in words(40).split())))
    session = here.context.new_cdp_session(here.page)
    here.asked_and_answered("Warm up")
    early = _after(here, session, 9)
    late = _after(here, session, 40)
    shown = here.page.evaluate("document.querySelectorAll('*').length")
    assert here.page.locator(".answer").count() == 50
    assert late["documents"] == early["documents"]
    assert late["nodes"] < 4 * shown  # with their texts: what is shown, and nothing that was shown before
    grown = (late["nodes"] - early["nodes"]) / 40
    assert grown < 60
    assert late["jsEventListeners"] - early["jsEventListeners"] <= 40 * 12
    assert late["heap"] < early["heap"] + 40 * 40_000


def _after(visit: Visit, session: CDPSession, turns: int) -> dict[str, float]:
    for number in range(turns):
        visit.asked_and_answered(f"Question {number}")
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return {**session.send("Memory.getDOMCounters"), "heap": used}
