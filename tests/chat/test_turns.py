"""Turns with every brain behind them: what the frames say, what is stored, what the next prompt holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.api import Api, Pinned
from tests.serving import Server
from tests.vendor import Vendor

pytestmark = pytest.mark.xdist_group("turns")

BRAINS = ("claude", "openai")


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as stub:
        yield stub


@pytest.fixture(scope="module")
def thinking(vendor: Vendor, _started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """A server with both vendors' brains, played by the stub."""
    server = _started(
        {
            "COACH_BRAIN": "claude",
            "ANTHROPIC_API_KEY": "key-that-nobody-sees",
            "ANTHROPIC_BASE_URL": vendor.url,
            "OPENAI_API_KEY": "key-that-nobody-sees",
            "OPENAI_BASE_URL": vendor.openai_url,
            "COACH_FIRST_TOKEN_TIMEOUT": "1.5",
            "COACH_IDLE_TIMEOUT": "1",
            "COACH_OUTPUT_LIMIT": "3000",
            "COACH_BREAKER_FAILURES": "1000",
        }
    )
    for brain in BRAINS:
        Pinned(server.url, brain).warm_up()
    yield server
    server.close()
    assert not server.complaint()
    log = server.log.read_text()
    assert "key-that-nobody-sees" not in log
    assert "secret" not in log


@pytest.fixture(params=BRAINS)
def api(request: pytest.FixtureRequest, thinking: Server) -> Api:
    return Pinned(thinking.url, request.param)


def test_the_guides_session(api: Api, vendor: Vendor) -> None:
    session = api.start(persona="calm_coach")
    reply = api.stream(session, "Ready? [[words=20 pace=0.005]]")
    assert (reply.end["status"], reply.end["brain"], reply.end["fallback"]) == ("complete", api.user, False)
    assert reply.end["usage"]["input_tokens"] > 0
    assert reply.end["usage"]["output_tokens"] > 0
    assert len([frame for frame in reply.frames if "token" in frame]) > 1
    whole = api.message(session, "And then? [[words=3]]").json()
    stored = [message["content"] for message in api.session(session)["messages"]]
    assert stored == ["Ready? [[words=20 pace=0.005]]", reply.text, "And then? [[words=3]]", whole["message"]]


def prompt_lines(vendor: Vendor) -> list[tuple[str, str]]:
    """Roles and texts of the lines that the vendor was sent last, in either format."""
    body = vendor.turns[-1].body
    lines = body.get("messages") or body["input"]
    texts = []
    for line in lines:
        content = line["content"]
        texts.append((line["role"], content if isinstance(content, str) else "".join(part["text"] for part in content)))
    return [(role, text) for role, text in texts if role in ("user", "assistant")]


def test_a_prompt_holds_each_earlier_turn_once_and_the_personas_words(api: Api, vendor: Vendor) -> None:
    session = api.start(persona="drill_sergeant")
    one = api.message(session, "One [[words=2]]").json()["message"]
    failed = api.message(session, "Fails [[status=401]]")
    assert (failed.status_code, failed.json()["error"]) == (502, "provider_config")
    refused = api.message(session, "Refused [[stop=refused words=0]]").json()
    assert refused["status"] == "refused"
    assert refused["message"].strip()
    cut = api.stream(session, "Cut [[words=9 end=4]]")
    assert (cut.end["error"], cut.end["retryable"]) == ("provider_interrupted", True)
    assert cut.text
    api.message(session, "Now [[words=1]]")
    assert prompt_lines(vendor) == [
        ("user", "One [[words=2]]"),
        ("assistant", one),
        ("user", "Cut [[words=9 end=4]]"),
        ("assistant", cut.text),
        ("user", "Now [[words=1]]"),
    ]
    assert "sergeant" in str(vendor.turns[-1].body).lower()
    statuses = [message["status"] for message in api.session(session)["messages"] if message["role"] == "user"]
    assert statuses == ["complete", "failed", "refused", "interrupted", "complete"]


@pytest.mark.parametrize(
    ("knobs", "code", "status"),
    [
        ("status=401", "provider_config", 502),
        ("status=404", "provider_config", 502),
        ("status=500", "provider_error", 502),
        ("status=529 error=overloaded_error", "provider_busy", 503),
        ("status=429 error=rate_limit_error retry_after=70", "provider_busy", 503),
        ("wait=9", "provider_timeout", 504),
        ("words=0", "empty_reply", 502),
        ("odd=html", "provider_error", 502),
        ("odd=nohead", "provider_error", 502),
    ],
)
def test_trouble_before_the_first_word(api: Api, vendor: Vendor, knobs: str, code: str, status: int) -> None:
    session = api.start()
    frames = api.stream(session, f"Hello [[{knobs}]]")
    assert frames.status == 200
    assert frames.end["error"] == code
    assert frames.end["message_id"] is None
    whole = api.message(session, f"Hello [[{knobs}]]")
    assert (whole.status_code, whole.json()["error"]) == (status, code)
    if status == 503:
        assert int(whole.headers["retry-after"]) > 0
    assert "secret" not in frames.raw.decode() + whole.text
    assert api.message(session, "Better [[words=2]]").status_code == 200


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ("words=9 stall=3", "provider_timeout"),
        ("words=9 cut=3", "provider_interrupted"),
        ("words=9 drop=3", "provider_interrupted"),
        ("words=9 fail=3", "provider_interrupted"),
    ],
)
def test_trouble_in_the_middle_keeps_what_was_said(api: Api, knobs: str, code: str) -> None:
    session = api.start()
    reply = api.stream(session, f"Hello [[{knobs} pace=0.01]]")
    assert reply.end["error"] == code
    assert reply.end["retryable"] is True
    stored = api.session(session)["messages"][1]
    assert (stored["content"], stored["status"]) == (reply.text, "interrupted")
    assert stored["message_id"] == reply.end["message_id"]
    assert reply.text


@pytest.mark.parametrize(("stop", "status"), [("truncated", "truncated"), ("tool", "complete"), ("pause", "complete")])
def test_other_endings(api: Api, vendor: Vendor, stop: str, status: str) -> None:
    session = api.start()
    reply = api.stream(session, f"Hello [[words=4 stop={stop}]]")
    assert reply.end["status"] == status


def test_a_reply_beyond_the_output_limit_is_cut_to_the_byte(api: Api) -> None:
    session = api.start()
    reply = api.stream(session, "Hello [[words=2000]]")
    assert reply.end["status"] == "truncated"
    assert len(reply.text.encode()) == 3000
    assert api.session(session)["messages"][1]["content"] == reply.text
    assert api.message(session, "Go on [[words=2]]").status_code == 200


def test_deleting_a_session_ends_its_turn_and_the_call(api: Api, vendor: Vendor) -> None:
    session = api.start()
    with api.streaming(session, "Hello [[words=500 pace=0.02]]") as frames:
        next(frames)
        assert Api(api.url).http.delete(f"/chat/sessions/{session}").status_code == 200
        last = list(frames)[-1]
    assert last.get("error") == "session_deleted" or last.get("status") == "stopped"
    assert vendor.turns[-1].over.wait(5)
    assert vendor.turns[-1].left_at is not None
