"""`python -m benchmarks.screenshots [picture …]`: the pictures in docs/screenshots, of the page and of the admin.

Starts the server as `./run` does, on a new database, and a vendor that says what is written in benchmarks/screenshot_talk.py;
has it said, stores turns of a month for the dashboard, and looks at all of it in a headless Chromium. Takes a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from PIL import Image

from benchmarks import screenshot_talk as talk
from benchmarks.browser import chromium
from benchmarks.dashboard_alone import fill
from benchmarks.screenshot_views import DARK, EDITED, PICTURES, Site
from benchmarks.stack import ROOT, free_port, running, say, wait_for
from coach_project import cluster, postgres, shelf

if TYPE_CHECKING:
    from playwright.async_api import Browser

FOLDER = ROOT / "docs" / "screenshots"
LARGEST = 250_000
"""Bytes of a picture with all of its colours; a larger one gets 256."""

MESSAGES = 24_000
LEARNED = f"""fetch("/memory?user_id={talk.USER}").then(answer => answer.json())
    .then(page => page.facts.filter(fact => fact.source).length)"""

EDITS = (
    ("Energetic and motivating fitness coach", "Energetic coach for people who begin"),
    ("Usually two to five sentences.", "Two to four sentences."),
    (
        "- Plain words or simple Markdown. No tables unless asked for.",
        "- Plain words. A table only for a plan of weeks.",
    ),
)
"""Of the persona's second version."""

NIGHTS = """
SELECT setseed(0.25);
DELETE FROM chat_turn WHERE random() > 0.6 + 0.4 * sin((extract(hour FROM created_at) - 9) * pi() / 12)
"""
"""People sleep; the benchmark's do not."""

PUT = """async ([method, path, body]) => {
  const answer = await fetch(path, {method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
  const text = await answer.text();
  if (!answer.ok) throw new Error(path + ": " + text);
  return answer.headers.get("Content-Type").startsWith("application/json") ? JSON.parse(text) : text;
}"""


async def take(names: list[str], folder: Path) -> None:
    async with talk.served() as vendor:
        environment = {
            "DATABASE_URL": "",
            "COACH_BRAIN": "claude",
            "COACH_BACKGROUND": "off",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": vendor,
        }
        with served(environment) as (address, data):
            found = re.search(r"login: (\S+), password (\S+) ", data.with_name("log").read_text(encoding="utf-8"))
            if not found:
                raise SystemExit("The server has told no login.")
            prepare(data)
            async with chromium() as browser:
                say("screenshots: the talks")
                site = Site(address, await spoken(browser, address, data), (found[1], found[2]))
                for name in names:
                    say(f"screenshots: {name}")
                    await picture(browser, site, name, folder)


async def picture(browser: Browser, site: Site, name: str, folder: Path) -> None:
    way, look = PICTURES[name]
    width, height = look.size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if look.scheme == DARK else "light",
        device_scale_factor=look.scale,
        is_mobile=look.scale > 1,
        has_touch=look.scale > 1,
        locale="en-GB",
        timezone_id="Europe/Oslo",
        reduced_motion="reduce" if look.still else "no-preference",
    )
    await context.add_init_script(f"localStorage.setItem('coach.user', '{talk.USER}')")
    page = await context.new_page()
    await way(page, site)
    taken = await page.screenshot(animations="disabled")
    await context.close()
    kept, file = Image.open(BytesIO(taken)).convert("RGB"), folder / f"{name}.png"
    kept.save(file, optimize=True)
    if file.stat().st_size > LARGEST:  # soft light; rare colours, which a palette would lose, are not in those
        kept.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)


async def spoken(browser: Browser, address: str, data: Path) -> str:
    """All talks are held, and the memory has learned from them; the last one's session comes back."""
    page = await browser.new_page()
    await page.goto(address)

    async def put(method: str, path: str, **body: Any) -> Any:
        return await page.evaluate(PUT, [method, path, body])

    started = {}
    for each in talk.TALKS:
        started = await put("POST", "/chat/start", user_id=talk.USER, persona=each.persona, title=each.title)
        for said in each.said:
            stream = await put("POST", "/chat/stream", session_id=started["session_id"], message=said.question)
            asked = re.findall(r'"user_message_id": *"(\w+)"', stream)[-1]
            for _ in said.answers[1:]:
                await put("POST", f"/chat/messages/{asked}/regenerate")
    for kind, text in talk.FACTS:
        await put("POST", "/memory", user_id=talk.USER, kind=kind, text=text)
    # Facts are drawn by rules while the scripted brain is active: the vendor knows the talks and nothing else.
    await put("POST", "/brain/switch", brain="config")
    for _ in range(2):  # the first one finds the turns and leaves their drawing to the second
        manage(data, "procrastinate", "worker", "--one-shot")
    await put("POST", "/brain/switch", brain="claude")
    if await page.evaluate(LEARNED) < 2:
        raise SystemExit("The memory has learned nothing from the talks.")
    await page.close()
    return str(started["session_id"])


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """A server on a database that nobody has used; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="coach-screenshots-", dir="/var/tmp"))
    folder.chmod(0o711)  # the database's account has to pass through
    data, port = folder / "data", free_port()
    mine = {**environment, "PORT": str(port), "COACH_DATA": str(data), "WEB_CONCURRENCY": "1"}
    try:
        with running(["./run"], mine, folder / "log") as process:
            wait_for(port, "/health/ready", process)
            yield f"http://127.0.0.1:{port}/", data
    finally:
        cluster.stop(data)
        shutil.rmtree(shelf.SHELVES / shelf.folder_name(data), ignore_errors=True)
        shutil.rmtree(folder)


def prepare(data: Path) -> None:
    """A month of turns, and a persona's second version."""
    superuser = replace(postgres.address(data), user="postgres").conninfo()
    fill(MESSAGES, superuser)
    with psycopg.connect(superuser) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in NIGHTS.split(";"):
            connection.execute(statement.strip().encode())
    file = data / "persona.json"
    manage(data, "personas", "export", EDITED, "-o", str(file))
    text = file.read_text(encoding="utf-8")
    for old, new in EDITS:
        if json.dumps(old)[1:-1] not in text:
            raise SystemExit(f"{EDITED} does not say any more: {old}")
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    file.write_text(text, encoding="utf-8")
    manage(data, "personas", "import", str(file))


def manage(data: Path, *words: str) -> None:
    environment = {**os.environ, "COACH_DATA": str(data), "DATABASE_URL": ""}
    done = subprocess.run(  # noqa: S603 — our own program, no shell
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"manage.py {words[0]}: {done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="picture", help=f"{', '.join(PICTURES)}; all if absent")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(asked.names or list(PICTURES), asked.folder))


if __name__ == "__main__":
    main()
