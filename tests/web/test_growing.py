"""A reply that grows looks at each moment as if it were drawn anew: what is only added to is no other text."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from web.assets import HERE
from web.bundle import without_comments

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]

PIECES = (
    "word",
    " and more",
    " www",
    ".example.org/a",
    " https:",
    "//example.org",
    " me",
    "@example.org",
    " **bold",
    "**",
    " *so*",
    " `code`",
    " a_b",
    " (of it)",
    ": then",
    " 1",
    ". ",
    " [link](",
    "https://example.org)",
    " &amp",
    ";",
    " \\",
    "!",
    " 2 < 3",
    " ~~no~~",
    "|",
    "\n",
    "\n\n",
    "- item",
    "\n- item",
    "\n\n1. first",
    "\n\n### Head",
    "\n\n> said",
    "\n\n```\nx = 1",
    "\n```\n\n",
    "\n\n| a | b |\n| - | - |\n| 1 | 2 |\n",
    " Ærlig",
    " שלום",
)

COMPARE = """([pieces]) => {
    const shown = (element) => {
        const copy = element.cloneNode(true);
        copy.normalize();
        return copy.innerHTML.replace(/\\s+(?=<\\/(p|li|h\\d)>)|\\s+$/g, "");
    };
    const grown = document.createElement("div");
    const rendering = new Rendering(grown);
    let text = "";
    const wrong = [];
    for (const piece of pieces) {
        text += piece;
        rendering.update(text);
        const anew = document.createElement("div");
        new Rendering(anew).update(text);
        if (shown(grown) !== shown(anew)) wrong.push([text, shown(grown), shown(anew)]);
    }
    rendering.finish(text);
    const whole = document.createElement("div");
    new Rendering(whole).finish(text);
    const bare = (element) => shown(element).replace(/<\\/?div[^>]*>/g, "");
    if (bare(grown) !== bare(whole)) wrong.push(["the end", text]);
    return wrong;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    for name in ("marked.js", "purify.js"):
        page.add_script_tag(path=HERE / "vendor" / name)
    source = without_comments((HERE / "page" / "markdown.js").read_text(encoding="utf-8"))
    page.add_script_tag(content=source.replace("export ", "") + "\nwindow.Rendering = Rendering;")
    yield page
    page.close()


def test_what_grows_is_what_is_drawn_anew(page: Page) -> None:
    chance = random.Random(7)
    for _ in range(150):
        pieces = chance.choices(PIECES, k=chance.randint(2, 12))
        assert page.evaluate(COMPARE, [pieces]) == []


def test_plain_words_are_added_and_nothing_is_drawn_again(page: Page) -> None:
    kept = """() => {
        const element = document.createElement("div");
        const rendering = new Rendering(element);
        rendering.update("One");
        const first = element.querySelector("p");
        for (const text of ["One two", "One two, (three)", "One two, (three): four – 5 % and more."]) rendering.update(text);
        return [first === element.querySelector("p"), element.textContent.trim()];
    }"""
    same, text = page.evaluate(kept)
    assert same
    assert text == "One two, (three): four – 5 % and more."
