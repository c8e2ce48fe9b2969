"""Hostile texts in a reply, a question, a title, a coach's fields: nothing of them runs, nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.serving import Server
from tests.vendor import Vendor
from tests.web.conftest import Come
from tests.web.visits import Visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page-reading")]

ATTEMPTS = (
    "<script>window.hurt = 'script'</script>",
    "<img src=x onerror=\"window.hurt = 'onerror'\">",
    "<img src=https://evil.example/pixel.png>",
    "<svg onload=\"window.hurt = 'svg'\"><a xlink:href=\"javascript:window.hurt='xlink'\"><text>svg</text></a></svg>",
    "<svg><style><img src=x onerror=\"window.hurt = 'mutation'\"></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"window.hurt = 'math'\">",
    "<iframe srcdoc=\"<script>parent.hurt = 'frame'</script>\"></iframe>",
    '<form action="https://evil.example/"><input name=password><button>Go</button></form>',
    "<style>@import 'https://evil.example/x.css'; body { display: none }</style>",
    '<link rel=stylesheet href="https://evil.example/x.css">',
    '<base href="https://evil.example/">',
    '<meta http-equiv=refresh content="0;url=https://evil.example/">',
    "<details open ontoggle=\"window.hurt = 'toggle'\">",
    "</div></article><b onmouseover=\"window.hurt = 'over'\">over</b>",
    "[click](javascript:window.hurt='link')",
    "[click](JaVaScRiPt:window.hurt='case')",
    "[click](&#106;avascript:window.hurt='entity')",
    "[click](java\tscript:window.hurt='tab')",
    "[click](data:text/html,<script>parent.hurt='data'</script>)",
    "[click](vbscript:x)",
    "[click](//evil.example/path)",
    '[click](https://example.com/" onclick="window.hurt=1)',
    "<javascript:window.hurt='auto'>",
    "![alt](https://evil.example/pixel.png)",
    "![alt](x\" onerror=\"window.hurt='image')",
    "![alt](data:image/svg+xml,<svg onload=alert(1)>)",
    "[ref]: https://evil.example/ref\n\n![alt][ref]",
    "```<img src=x onerror=window.hurt='code'>\n</code></pre><script>window.hurt='pre'</script>\n```",
    "| <img src=x onerror=window.hurt='cell'> | b |\n| --- | --- |\n| <script>window.hurt=1</script> | d |\n",
)

EVE = """
INSERT INTO personas_personaversion SELECT (json_populate_record(v, %(changes)s::json)).*
FROM personas_personaversion v JOIN personas_persona p ON p.current_id = v.id WHERE p.id = 'calm_coach'
"""
HARMLESS = """() => ({
  hurt: window.hurt ?? null,
  strange: document.querySelectorAll(
    '#messages :is(script, iframe, form, style, link, base, meta, object, embed, math, details, b)').length,
  pictures: [...document.querySelectorAll('#messages img')].filter((each) => !each.closest('.who')).length,
  handlers: [...document.querySelectorAll('#messages *')].flatMap((each) =>
    [...each.attributes].map(({ name }) => name).filter((name) => name.startsWith('on') || name === 'style')),
  links: [...document.querySelectorAll('#messages .words a')].map((each) => each.protocol + each.rel + each.target),
})"""


def is_harmless(visit: Visit) -> None:
    found = visit.page.evaluate(HARMLESS)
    strange = set(found.pop("links")) - {"https:noopener noreferrer nofollow_blank"}
    style = [each for each in found.pop("handlers") if each != "style"]  # a coach's colour, set by the page
    assert found == {"hurt": None, "strange": 0, "pictures": 0}
    assert not style
    assert not strange
    assert visit.page.evaluate("location.pathname") == "/"


def test_nothing_in_a_reply_runs_or_loads(here: Visit, vendor: Vendor) -> None:
    text = "\n\n".join(ATTEMPTS)
    pieces = tuple(text[at : at + 9] for at in range(0, len(text), 9))
    vendor.next(deltas=pieces, pace=0.002)
    here.ask("Be evil")
    expect(here.words).to_contain_text("window.hurt")
    is_harmless(here)
    here.finished()
    is_harmless(here)
    for link in here.words.locator("a").all():
        assert (link.get_attribute("href") or "").startswith("https://example.com/")
    here.page.reload()
    here.finished()
    is_harmless(here)
    assert here.page.evaluate("document.querySelector('#messages').innerText").count("<script>") >= 2  # told, not run


def test_nothing_in_a_question_a_title_or_a_draft_runs(here: Visit) -> None:
    text = " ".join(ATTEMPTS[:4])
    here.asked_and_answered(text)
    assert here.questions.inner_text() == text
    api = here.api
    answer = api.http.patch(f"/chat/sessions/{here.session}", json={"title": text[:200]})
    assert answer.status_code == 200, answer.text
    here.field.fill(text)
    here.page.reload()
    expect(here.page.locator("#sessions .title")).to_have_text(text[:200])
    expect(here.page).to_have_title(re.compile("<script>"))
    expect(here.field).to_have_value(text)
    row = here.page.locator("#sessions li")
    row.hover()
    row.get_by_role("button", name="Delete").click()
    expect(here.page.locator("#question p")).to_contain_text("<script>")
    here.page.keyboard.press("Escape")
    is_harmless(here)


def test_nothing_in_a_versions_dialog_or_a_fact_runs(here: Visit, vendor: Vendor) -> None:
    vendor.next(deltas=ATTEMPTS[1:3])
    here.asked_and_answered("One")
    vendor.next(deltas=ATTEMPTS[:1])
    here.action("Regenerate").click()
    expect(here.answer.locator(".count")).to_have_text("2/2")
    here.finished()
    here.action("Compare").click()
    expect(here.page.locator("#versions .words").first).to_contain_text("onerror")
    assert here.page.locator("#versions :is(img, script)").count() == 0
    here.page.keyboard.press("Escape")
    api = here.api
    kept = api.http.post("/memory", params={"user_id": here.user}, json={"kind": "other", "text": ATTEMPTS[1]})
    assert kept.status_code in (200, 201), kept.text
    here.page.get_by_role("button", name="What your coach remembers").click()
    expect(here.page.locator("#facts .fact")).to_have_text(ATTEMPTS[1])
    assert here.page.locator("#memory img").count() == 0
    here.page.keyboard.press("Escape")
    is_harmless(here)


HOSTILE = "Eve </script><script>window.hurt = 'name'</script>"


@pytest.fixture
def eve(served: Server) -> Iterator[None]:
    """A coach whose fields are not what the admin would take, while the test runs."""
    avatar = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 64 64"'
        " onload=\"parent.hurt = 'avatar'\"><script>parent.hurt = 'avatar'</script>"
        '<image xlink:href="https://evil.example/a.png" width="64" height="64"/><circle r="32" cx="32" cy="32"/></svg>'
    )
    values = {
        "id": 9999,
        "persona_id": "eve",
        "number": 1,
        "name": HOSTILE,
        "description": ATTEMPTS[1],
        "example": ATTEMPTS[3],
        "avatar": avatar,
        "starters": [ATTEMPTS[0]],
    }
    with served.database() as database:
        database.execute(
            "INSERT INTO personas_persona (id, published, position, created_at, updated_at)"
            " VALUES ('eve', true, 99, now(), now())"
        )
        database.execute(EVE, {"changes": json.dumps(values)})
        database.execute("UPDATE personas_persona SET current_id = 9999 WHERE id = 'eve'")
    yield
    with served.database() as database:
        database.execute("UPDATE personas_persona SET published = false WHERE id = 'eve'")


@pytest.mark.usefixtures("eve")
def test_nothing_in_a_coachs_fields_runs_or_loads(come: Come) -> None:
    here = come()
    here.page.locator("#coach summary").click()
    here.page.locator("#coach").get_by_role("button", name="Eve").click()
    expect(here.page.locator("#welcome h1")).to_have_text(HOSTILE)
    expect(here.page.locator("#welcome .voice")).to_have_text(ATTEMPTS[1])
    expect(here.page.locator("#starters button")).to_contain_text([ATTEMPTS[0]])
    picture = here.page.locator("#welcome img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    here.asked_and_answered("Who are you?")
    expect(here.page.locator(".answer .who")).to_have_text(HOSTILE)
    is_harmless(here)
