"""For everyone: on a narrow screen, from right to left, by axe-core's rules, in Norwegian."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Page, expect

from tests.vendor import Scenario, Vendor
from tests.web.conftest import Come
from tests.web.visits import Visit
from web.assets import HERE

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]

AXE = Path(__file__).with_name("vendor") / "axe.js"

RICH = Scenario(
    deltas=(
        "# Head\n\nSome **words** with a [link](https://example.com/) and `code`.\n\n",
        "| Day | Distance | Pace | Heart rate | Remarks on the run | Shoes |\n| --- | --- | --- | --- | --- | --- |\n",
        "| Monday | 12 km | 5:30 | 150 | A long remark that needs room | The blue ones |\n\n",
        "```\nsome_code_that_is_a_good_deal_wider_than_a_small_telephone_is_in_any_of_its_two_positions()\n```\n\n",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsvorsitzender\n\n",
        "> Quote.\n\n- [x] done\n",
    )
)


# --- Narrow, and from right to left -------------------------------------------------------------------------------
OUTSIDE = """() => {
  const wide = innerWidth;
  const found = document.documentElement.scrollWidth > wide ? ["the document"] : [];
  for (const each of document.querySelectorAll("body *")) {
    const box = each.getBoundingClientRect();
    const shown = each.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1 && box.height > 1;
    if (!shown || each.closest(".wide > *, .columns > *, [inert], .unseen, .skip, svg")) continue;
    if (box.left < -1 || box.right > wide + 1) found.push(`${each.tagName}#${each.id} ${box.left}–${box.right}`);
  }
  return found;
}"""


def all_fits(page: Page) -> None:
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_is_outside_of_320_pixels(come: Come, vendor: Vendor, direction: str) -> None:
    here = come(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    page = here.page
    page.evaluate("direction => (document.documentElement.dir = direction)", direction)
    all_fits(page)
    here.field.fill("Hello")
    vendor.next(RICH)
    here.button.tap()
    here.finished()
    all_fits(page)
    here.action("Regenerate").tap()
    expect(here.answer.locator(".count")).to_have_text("2/2")
    here.finished()
    all_fits(page)
    here.action("Compare").tap()
    all_fits(page)
    page.get_by_role("button", name="Close").tap()
    here.action("Why").tap()
    expect(page.locator("#why-list")).not_to_be_empty()
    all_fits(page)
    page.get_by_role("button", name="Close").tap()
    page.locator("#coach summary").tap()
    all_fits(page)
    page.locator("#coach summary").tap()
    page.get_by_label("This chat").tap()
    expect(page.get_by_role("link", name="Export as JSON")).to_be_visible()
    all_fits(page)
    page.get_by_label("This chat").tap()
    expect(page.locator("#sidebar")).not_to_be_in_viewport()
    page.get_by_role("button", name="Open the list of chats").tap()
    expect(page.get_by_role("button", name="Close the list of chats")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="What your coach remembers").tap()
    expect(page.locator("#memory-about")).not_to_be_empty()
    all_fits(page)
    page.locator("#memory").get_by_role("button", name="Close").tap()
    page.locator("#sessions a").tap()
    expect(page.locator("#sidebar")).not_to_be_in_viewport()
    expect(here.questions).to_have_text(["Hello"])


def test_arabic_runs_from_right_to_left_by_itself(here: Visit, vendor: Vendor) -> None:
    vendor.next(deltas=("ابدأ ببطء، ", "ثم زد السرعة.\n\n", "- خطوة\n- خطوة أخرى\n"))
    here.field.fill("كيف أبدأ الجري؟")
    assert here.field.evaluate("field => getComputedStyle(field).direction") == "rtl"
    here.field.press("Enter")
    here.finished()
    for place in (here.questions, here.words):
        assert place.evaluate("place => getComputedStyle(place).direction") == "rtl"
    here.page.evaluate("document.documentElement.dir = 'rtl'")
    all_fits(here.page)
    here.asked_and_answered("And in English?")
    assert here.words.evaluate("place => getComputedStyle(place).direction") == "ltr"
    all_fits(here.page)


# --- By axe-core's rules ------------------------------------------------------------------------------------------
def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [json.dumps([each["id"], [node["html"] for node in each["nodes"]]]) for each in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(come: Come, vendor: Vendor, theme: str) -> None:
    here = come(reduced_motion="reduce")  # no transition is looked at half-way
    page = here.page
    page.locator("#theme").select_option(theme)
    assert violations(page) == []
    vendor.base = RICH
    here.asked_and_answered("Hello")
    here.action("Regenerate").click()
    expect(here.answer.locator(".count")).to_have_text("2/2")
    here.finished()
    here.page.locator(".question").hover()
    assert violations(page) == []
    page.locator("#coach summary").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    here.action("Compare").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    here.action("Why").click()
    expect(page.locator("#why-list")).not_to_be_empty()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="What your coach remembers").click()
    page.get_by_label("Something your coach should know").fill("Runs")
    page.keyboard.press("Enter")
    expect(page.locator("#facts .fact")).to_have_text("Runs")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 320, "height": 640})
    assert violations(page) == []
    page.get_by_role("button", name="Open the list of chats").click()
    assert violations(page) == []
    page.locator("#language").select_option("nb")
    expect(page.locator("html")).to_have_attribute("lang", "nb")
    here.finished()
    assert violations(page) == []


WRITTEN = """accent => {
  const stage = document.getElementById("stage");
  stage.style.setProperty("--accent", accent);
  return getComputedStyle(stage.firstChild).color;
}"""
BLACK, WHITE = "color(xyz-d65 0 0 0)", "color(xyz-d65 0.9505 1 1.089)"


def test_on_a_coachs_colour_stands_the_one_of_black_and_white_that_can_be_read(browser: Browser) -> None:
    page = browser.new_page()
    tokens = (HERE / "page" / "tokens.css").read_text(encoding="utf-8")
    page.set_content(f"<style>{tokens} b {{ color: var(--on-accent) }}</style><div id=stage><b>x</b></div>")
    colours = ("#1f6f5c", "#c2410c", "#000000", "#747474", "#777777", "#ffd54a", "#ffffff")
    assert [page.evaluate(WRITTEN, colour) for colour in colours] == [WHITE] * 4 + [BLACK] * 3
    page.close()


# --- In Norwegian -------------------------------------------------------------------------------------------------
SAID = """() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) if (!walker.currentNode.parentNode.closest("script")) found.push(walker.currentNode.data);
  for (const each of document.querySelectorAll("*"))
    for (const name of ["aria-label", "placeholder", "title", "content"]) found.push(each.getAttribute(name) ?? "");
  return found.map((each) => each.trim());
}"""


def test_a_norwegian_page_has_no_english_words_of_ours(come: Come, vendor: Vendor) -> None:
    with (HERE / "locale" / "nb" / "LC_MESSAGES" / "django.po").open("rb") as file:
        english = {entry.id for entry in read_po(file) if entry.id and entry.string != entry.id}
    here = come(locale="nb-NO")
    expect(here.page.locator("html")).to_have_attribute("lang", "nb")
    said = set(here.page.evaluate(SAID))
    here.asked_and_answered("Hei")
    said |= set(here.page.evaluate(SAID))
    vendor.next(words=200, hold=(12,))
    here.ask("Mer")
    expect(here.words).to_contain_text("leap")
    here.page.keyboard.press("Escape")
    expect(here.note).to_be_visible()
    here.finished()
    said |= set(here.page.evaluate(SAID))
    assert not said & english
    assert "Send" in said
    here.page.locator("#language").select_option("en")
    expect(here.page.locator("html")).to_have_attribute("lang", "en")
    expect(here.note).to_have_text("You stopped this answer.")
