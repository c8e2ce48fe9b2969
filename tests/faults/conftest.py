"""Servers whose brains are vendors', played by a stub, and what must hold however a turn of theirs ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from typing import Any, TypeAlias

import httpx2
import pytest

from tests.api import Api, Pinned, Reply
from tests.serving import Server
from tests.vendor import Call, Scenario, Vendor

KEY = "key-that-nobody-sees"

BRAINS = {"claude": ("claude", "responses"), "openai": ("openai", "responses"), "chat": ("openai", "chat")}
"""Each with its alias and OPENAI_API: `chat` is openai by its other API, which many servers speak."""

CODES = {
    "provider_config": (502, False),
    "provider_quota": (502, False),
    "context_too_long": (502, False),
    "provider_error": (502, True),
    "provider_interrupted": (502, True),
    "empty_reply": (502, True),
    "provider_busy": (503, True),
    "provider_timeout": (504, True),
}
"""The status of POST /chat/message, and whether to try again."""

FIRST, STREAMED, WHOLE, NEXT = "How do I begin?", "And after that?", "And all at once?", "What now?"
FORGOTTEN = ("failed", "refused")


def told(**knobs: Any) -> Scenario:
    """What the vendor does; `odd` may be words in one string."""
    return Scenario(**{**knobs, "odd": frozenset(str(knobs.get("odd", "")).split())})


class Stub(Vendor):
    """The stub vendor, with one more knob: `odd=hangup` closes the connection before the headers."""

    def behave(self, *planned: Scenario) -> None:
        """Forget all calls; the next get these, the last one is for all further ones."""
        self.reset()
        for scenario in planned[:-1]:
            self.next(scenario)
        self.base = planned[-1] if planned else Scenario()

    def calls_for(self, message: str) -> list[float]:
        """When each came that asked for a reply to this (s, monotonic)."""
        return [call.at for call in self.turns if call.message == message]

    def last_lines(self) -> list[tuple[str, str]]:
        """Roles and texts that the last call held, whatever its format."""
        body = self.turns[-1].body
        lines = []
        for line in body.get("messages") or body["input"]:
            content = line["content"]
            text = content if isinstance(content, str) else "".join(part["text"] for part in content)
            lines.append((line["role"], text))
        return [line for line in lines if line[0] != "system"]

    def _scenario_for(self, call: Call) -> Scenario:
        scenario = super()._scenario_for(call)
        if "hangup" in scenario.odd:
            raise ConnectionAbortedError
        return scenario


class Coach:
    """A brain on a server, and the vendor behind it."""

    def __init__(self, server: Server, vendor: Stub, alias: str) -> None:
        self.server = server
        self.vendor = vendor
        self.alias = alias
        self.api = Pinned(server.url, alias)
        self.asked_at: list[float] = []  # when the last turn's calls came (s, monotonic)

    def turn(self, *planned: Scenario, status: str, code: str = "", calls: int = 1) -> Reply:
        """One streamed turn, with a good one before and after it, for which the vendor does as planned.

        Where it does always the same, the turn is also asked for as a whole. All promises that hold for any turn are
        asserted; of the text itself the caller knows more.
        """
        session, other = self.api.start(), self.api.start()
        first = self._good(session, FIRST)
        self.vendor.behave(*planned)
        with ThreadPoolExecutor(1) as pool:
            whole = pool.submit(self._whole, other) if len(planned) == 1 else None
            reply = self.api.stream(session, STREAMED)
        self.asked_at = self.vendor.calls_for(STREAMED)
        assert len(self.asked_at) == calls
        self._check_frames(reply, status, code)
        self._check_stored(session, reply, status)
        if whole:
            assert len(self.vendor.calls_for(WHOLE)) == calls
            self._check_whole(whole.result(), status, code, reply)
        self.vendor.behave()
        self._good(session, NEXT)
        kept = [] if status in FORGOTTEN else [("user", STREAMED), ("assistant", reply.text)]
        before = [("user", FIRST), ("assistant", first), *kept]
        assert self.vendor.last_lines() == [*before, ("user", NEXT)]
        assert all(text.strip() for _, text in before)
        return reply

    def _whole(self, session: str) -> httpx2.Response:
        return Api(self.api.url, self.api.user).message(session, WHOLE)

    def _good(self, session: str, message: str) -> str:
        answer = self.api.message(session, message)
        assert (answer.status_code, answer.json().get("status")) == (200, "complete"), answer.text
        return str(answer.json()["message"])

    def _check_frames(self, reply: Reply, status: str, code: str) -> None:
        assert reply.status == 200
        assert all(set(frame) == {"token"} and frame["token"] for frame in reply.frames[:-1]), reply.frames
        assert reply.raw.endswith(b"}\n\n")
        assert reply.raw.count(b"data: ") == len(reply.frames)
        for hidden in (b"secret", KEY.encode(), b"Traceback"):
            assert hidden not in reply.raw
        if code:
            assert (reply.end["error"], reply.end["retryable"]) == (code, CODES[code][1]), reply.end
            assert bool(reply.text) == (status == "interrupted") == bool(reply.end["message_id"])
        else:
            assert (reply.end["done"], reply.end["status"], reply.end["brain"]) == (True, status, self.alias), reply.end
            assert reply.text.strip()

    def _check_stored(self, session: str, reply: Reply, status: str) -> None:
        messages = self.api.session(session)["messages"][2:]
        spoken = [("user", STREAMED, status, reply.end["user_message_id"])]
        if reply.text:
            spoken.append(("assistant", reply.text, status, reply.end["message_id"]))
        shown = ("role", "content", "status", "message_id")
        assert [tuple(message[name] for name in shown) for message in messages] == spoken

    def _check_whole(self, answer: httpx2.Response, status: str, code: str, reply: Reply) -> None:
        body = answer.json()
        assert "secret" not in answer.text
        if code:
            assert (answer.status_code, body["error"]) == (CODES[code][0], code)
            assert body["message"] == reply.end["message"]
            assert answer.status_code != 503 or int(answer.headers["retry-after"]) > 0
        else:
            assert (answer.status_code, body["status"]) == (200, status)
            assert body["message"] == reply.text


Serve: TypeAlias = Callable[[str], tuple[Server, Stub]]


@pytest.fixture(scope="package")
def _serve(_started: Callable[[dict[str, str]], Server]) -> Iterator[Serve]:
    """A server by OPENAI_API, started for the first test that wants it; deadlines are 2 s, none thinks in another's place."""
    with ExitStack() as stack:

        @cache
        def serve(api: str) -> tuple[Server, Stub]:
            vendor = Stub()
            stack.enter_context(vendor)
            environment = {
                "OPENAI_API": api,
                "ANTHROPIC_API_KEY": KEY,
                "ANTHROPIC_BASE_URL": vendor.url,
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": vendor.openai_url,
                "COACH_FIRST_TOKEN_TIMEOUT": "2",
                "COACH_IDLE_TIMEOUT": "2",
                "COACH_BREAKER_FAILURES": "1000",
            }
            server = _started(environment)
            stack.callback(_end, server)
            for alias in {alias for alias, its in BRAINS.values() if its == api}:
                Pinned(server.url, alias).warm_up()
            return server, vendor

        yield serve


def _end(server: Server) -> None:
    """End it; no key, and nothing of a vendor's that is not to be shown, is in its log or in a row of its chats."""
    server.close()
    assert not server.complaint(), server.complaint()
    log = server.log.read_text(encoding="utf-8")
    assert "secret" not in log
    assert KEY not in log
    with server.database() as database:
        tables = database.execute("SELECT relname FROM pg_stat_user_tables WHERE relname LIKE 'chat%'").fetchall()
        assert len(tables) > 3
        for (table,) in tables:
            found = database.execute(f"SELECT count(*) FROM {table} t WHERE t::text ~ 'secret|{KEY}'").fetchone()  # noqa: S608
            assert found == (0,), table


@pytest.fixture(
    params=[
        pytest.param(name, id=name, marks=pytest.mark.xdist_group(f"vendors-{api}"))
        for name, (_, api) in BRAINS.items()
    ]
)
def suffering(request: pytest.FixtureRequest, _serve: Serve) -> Coach:
    """A brain whose vendor is about to do something."""
    alias, api = BRAINS[request.param]
    server, vendor = _serve(api)
    vendor.behave()
    return Coach(server, vendor, alias)
