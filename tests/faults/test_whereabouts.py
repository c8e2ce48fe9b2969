"""Where what was said and where keys are, after a server has been through it all: where they belong, and nowhere else.

One server, and a word that stands in all that its user says. Then its log, its whole database, what PostgreSQL logged and
all of the admin's pages are searched for that word and for each key and password that was used.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
from django.conf import settings

from coach_project import shelf
from tests.api import Api
from tests.databases import ADMIN
from tests.identity.provider import Provider
from tests.serving import Server
from tests.vendor import Scenario, Vendor

WORD = f"canary{secrets.token_hex(4)}"
VENDOR_KEY = f"sk-ant-canary-{secrets.token_hex(8)}"
WRONG_PASSWORD = f"canary-password-{secrets.token_hex(4)}"

TABLES_WITH_TEXT = {
    "chat_message",
    "chat_piece",
    "chat_session",  # its title
    "memory_fact",
    "memory_passage",
    "memory_posting",
    "memory_summary",
}
"""Where what users said may be. A table that is new here has to be one whose rows are erased with their user."""

PAGES_WITH_TEXT = re.compile(r"/admin/(chat/session|memory/fact)/")
"""The operator's pages that show what users said."""

PATIENCE = 240.0
"""s for what the background does."""


@dataclass(frozen=True)
class Lived:
    """A server after all that; `keys` is what nobody may find, `operator` is logged in to its admin."""

    server: Server
    operator: httpx2.Client
    keys: dict[str, str]


@pytest.fixture(scope="module")
def lived(_started: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    provider, vendor = Provider(), Vendor()
    with vendor:
        environment = {
            "COACH_AUTH": "token",
            "COACH_BACKGROUND": "on",
            "COACH_MEMORY_DELAY": "0",
            "COACH_BRAIN": "claude",
            "COACH_BREAKER_FAILURES": "1000",
            "COACH_LIMITS": "off",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "ANTHROPIC_API_KEY": VENDOR_KEY,
            "ANTHROPIC_BASE_URL": vendor.url,
            **provider.environment(),
        }
        server: Server = _started(environment)  # type: ignore[operator]
        operator = logged_in(server)
        key = made_key(operator, server)
        token = provider.token(f"user-{secrets.token_hex(4)}")
        try:
            talk(Api(server.url, ""), token, vendor)
            talk(Api(server.url, f"user-{secrets.token_hex(4)}"), key, vendor)
            stray(server, key, token)
            until_learned(server)
            keys = {"vendor": VENDOR_KEY, "app": key.rpartition("_")[2], "token": token, "password": WRONG_PASSWORD}
            yield Lived(server, operator, {**keys, "admin": ADMIN[1], "own": environment["DJANGO_SECRET_KEY"]})
        finally:
            operator.close()
            server.close()
            provider.close()


# --- What happens to it -------------------------------------------------------------------------------------------
def field(page: httpx2.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


def logged_in(server: Server) -> httpx2.Client:
    client = httpx2.Client(base_url=server.url, timeout=60, headers={"Origin": server.url})
    for password in (WRONG_PASSWORD, ADMIN[1]):
        form = {"username": ADMIN[0], "password": password, "csrfmiddlewaretoken": field(client.get("/admin/login/"))}
        client.post("/admin/login/?next=/admin/", data=form)
    assert "sessionid" in client.cookies
    return client


def made_key(operator: httpx2.Client, server: Server) -> str:
    """A key as an operator makes one; it is shown on the page that follows, once."""
    page = "/admin/identity/apikey/add/"
    form = {"name": "canary app", "app": "main", "scopes": ["chat", "act-for-users"], "_save": "Save"}
    answer = operator.post(page, data={**form, "csrfmiddlewaretoken": field(operator.get(page))}, follow_redirects=True)
    found = re.search(r"coach_[0-9a-f]{16}_[\w-]{43}", answer.text)
    assert found, answer.text[:2000]
    assert found[0] not in operator.get("/admin/identity/apikey/").text
    return found[0]


def talk(api: Api, bearer: str, vendor: Vendor) -> None:
    """All that a user does, with the word in it, and what a vendor may do meanwhile."""
    api.http.headers["Authorization"] = f"Bearer {bearer}"
    mine = {"user_id": api.user} if api.user else {}
    started = api.http.post("/chat/start", json={**mine, "title": f"About {WORD}", "metadata": {"about": "rowing"}})
    session = started.json()["session_id"]
    vendor.base = Scenario(deltas=(f"You said {WORD}. ", "Well done."))
    reply = api.stream(session, f"I like {WORD}", **{"Idempotency-Key": "one"})
    assert WORD in reply.text
    assert api.stream(session, f"I like more than {WORD}", **{"Idempotency-Key": "one"}).status == 422
    assert api.join(reply.end["turn_id"]).text == reply.text
    assert api.message(session, f"My goal is to row {WORD} in an hour").status_code == 200
    assert api.regenerate(reply.end["message_id"]).status == 200
    assert api.edit(reply.end["user_message_id"], f"I like {WORD} more").status == 200
    assert api.stream(session, f"I have chest pain from {WORD}").end["safety"] == "chest_pain"
    assert api.stop(reply.end["turn_id"]).status_code == 202
    said = Scenario(deltas=(f"{WORD} ",) * 5, says=f"{VENDOR_KEY}-{WORD}")
    for trouble in (
        replace(said, status=400),
        replace(said, status=401),
        replace(said, status=403, code="canary"),
        replace(said, status=429, retry_after="9999"),
        replace(said, fail=0),
        replace(said, fail=1),
        replace(said, odd=frozenset({"malformed"})),
        replace(said, odd=frozenset({"html"})),
        replace(said, cut=1),
    ):
        vendor.base = trouble
        assert "error" in api.stream(session, f"Again {WORD}").end, trouble
    vendor.base = Scenario()
    fact = api.http.post("/memory", json={**mine, "kind": "goal", "text": f"I row {WORD}"}).json()
    api.http.patch(f"/memory/{fact['fact_id']}", json={**mine, "text": f"I row {WORD}twice"})
    for query in ("/chat/sessions", "/memory"):
        assert api.http.get(query, params={**mine, "q": WORD}).status_code == 200
    assert api.http.get("/user/export", params=mine).status_code == 200
    assert api.http.post("/memory/forget", json={**mine, "topic": f"{WORD}twice"}).json()["facts"] == 1
    assert api.http.post("/memory", json={**mine, "kind": "goal", "text": f"I ski {WORD}"}).status_code == 201


def stray(server: Server, key: str, token: str) -> None:
    """What is not as it should be, with words and keys in it."""
    wrong = key[:-4] + "aaaa"
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        for bearer in (wrong, token[:-4], f"{WORD}.{WORD}.{WORD}", key):
            sent = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
            for body in (
                f'{{"message": "{WORD}',
                f'{{"message": "{WORD}\\u0000"}}',
                f'{{"session_id": "{WORD}"}}',
                f'["{WORD}"]',
            ):
                assert http.post("/chat/stream", content=body, headers=sent).status_code in (400, 401)
            assert http.get(f"/chat/sessions/{WORD}", headers=sent).status_code in (401, 404)
            assert http.get(f"/{WORD}", headers=sent).status_code in (401, 403)
        assert http.post("/login", data={"username": WORD, "password": WRONG_PASSWORD}).status_code == 403


def until_learned(server: Server) -> None:
    """Until the background has learned what was said."""
    deadline = time.monotonic() + PATIENCE
    with server.database() as database:
        while time.monotonic() < deadline:
            passages = database.execute("SELECT count(*) FROM memory_passage").fetchone()
            doing = database.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'").fetchone()
            if passages and passages[0] > 4 and doing == (0,):
                return
            time.sleep(0.1)
        jobs = database.execute(
            "SELECT task_name, status::text, attempts, queueing_lock FROM procrastinate_jobs"
        ).fetchall()
    raise AssertionError(f"not learned after {PATIENCE} s: {passages} passages; {jobs}")


# --- Where it left traces -----------------------------------------------------------------------------------------
def test_the_servers_log_holds_no_word_and_no_key(lived: Lived) -> None:
    log = lived.server.log.read_text(encoding="utf-8")
    assert "the brain claude failed" in log, "this is the log, and it tells what happened"
    for name, text in {"word": WORD, **lived.keys}.items():
        assert text not in log, name


def test_what_was_said_is_in_the_tables_of_conversations_and_memory_alone(lived: Lived) -> None:
    with lived.server.database() as database:
        assert holding(database, WORD) <= TABLES_WITH_TEXT
        assert {"chat_message", "memory_fact"} <= holding(database, WORD)


def test_keys_are_in_no_table(lived: Lived) -> None:
    with lived.server.database() as database:
        found = {name: tables for name, text in lived.keys.items() if (tables := holding(database, text))}
        assert found == {}
        sessions = [row[0] for row in database.execute("SELECT session_data FROM django_session").fetchall()]
    assert sessions
    assert not [name for name, text in lived.keys.items() if any(text in opened(one) for one in sessions)]


def holding(database: object, text: str) -> set[str]:
    """The tables with a row that has the text in any of its columns, as it is or in hex."""
    rows = database.execute("SELECT relid::regclass::text FROM pg_stat_user_tables").fetchall()  # type: ignore[attr-defined]
    hexed = text.encode().hex()
    look = "SELECT EXISTS (SELECT 1 FROM {} one WHERE strpos(one::text, %s) > 0 OR strpos(one::text, %s) > 0)"
    return {table for (table,) in rows if database.execute(look.format(table), [text, hexed]).fetchone() == (True,)}  # type: ignore[attr-defined]


def opened(session: str) -> str:
    """A login's data as JSON (django.core.signing: base64 before the signature, compressed after a dot)."""
    told = session.partition(":")[0]
    packed = told.startswith(".")
    raw = base64.urlsafe_b64decode(told.lstrip(".") + "==")
    return json.dumps(json.loads(zlib.decompress(raw) if packed else raw))


def test_postgresql_logged_none_of_it(lived: Lived) -> None:
    """The embedded server's, which all tests share: of this word here, of every canary at the end of the run."""
    with lived.server.database() as database:
        told = [
            database.execute(f"SHOW {name}").fetchone() for name in ("log_min_error_statement", "log_error_verbosity")
        ]
    if not settings.EMBEDDED_DATABASE:
        return
    assert told == [("panic",), ("terse",)]
    log = (shelf.front(Path(settings.COACH_DATA)) / "log").read_text(encoding="utf-8", errors="replace")
    assert not [name for name, text in {"word": WORD, **lived.keys}.items() if text in log]


def test_the_operators_pages_show_what_was_said_where_it_is_read_and_keys_nowhere(lived: Lived) -> None:
    shown: set[str] = set()
    seen = dict(pages(lived.operator))
    for address, page in seen.items():
        assert page.status_code < 500, address
        for name, text in lived.keys.items():
            assert text not in page.text, (address, name)
        if WORD in page.text:
            shown.add(address)
    assert len(seen) > 30
    assert [address for address in shown if not PAGES_WITH_TEXT.match(address)] == []
    assert shown, "a session's page shows what was said"


def pages(operator: httpx2.Client, most: int = 3) -> Iterator[tuple[str, httpx2.Response]]:
    """The admin, link by link; of pages that differ by an id or a query alone, the first few."""
    waiting, known, kinds = ["/admin/"], {"/admin/"}, dict[str, int]()
    while waiting:
        address = waiting.pop(0)
        page = operator.get(address, follow_redirects=True)
        yield address, page
        for link in re.findall(r'href="([^"#]+)"', page.text):
            target = str(httpx2.URL(f"http://admin{address}").join(link.replace("&amp;", "&"))).removeprefix(
                "http://admin"
            )
            kind = re.sub(r"/[^/]*\d[^/]*/", "/N/", target.partition("?")[0])
            leaves = not target.startswith("/admin/") or "logout" in target or target in known
            if leaves or kinds.setdefault(kind, 0) >= most:
                continue
            kinds[kind] += 1
            known.add(target)
            waiting.append(target)


def test_gauges_and_health_tell_none_of_it(lived: Lived) -> None:
    for path in ("/metrics", "/health/live", "/health/ready", "/api/schema"):
        text = lived.operator.get(path).text
        assert not [name for name, secret in {"word": WORD, **lived.keys}.items() if secret in text], path
