"""A vendor that says too much: others are not slowed, and the output limit ends it. These measure time and run alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx2
import pytest

from coach_project.launch import BASE_DIR
from tests.api import Api, frames_of
from tests.serving import Server, free_port
from tests.vendor import Scenario

pytestmark = pytest.mark.timing

LIMIT = 1_000_000
"""Bytes of one reply: larger than the default, so that a flood lasts."""

ENDLESS = 1_000_000
"""Words; far beyond the limit."""


class Flood:
    """A vendor in a process of its own: what it does costs the clients here no time."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.vendor", str(port)], cwd=BASE_DIR, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline()  # it listens

    def next(self, knobs: str) -> None:
        assert httpx2.post(f"{self.url}/_next", json={"knobs": knobs}).status_code == 200

    def sent(self) -> int:
        """How many deltas the last call got."""
        return int(httpx2.get(f"{self.url}/_requests").json()[-1]["sent"])

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def flood() -> Iterator[Flood]:
    vendor = Flood()
    yield vendor
    vendor.close()


@pytest.fixture(scope="module")
def coach(flood: Flood, _started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """One worker, so that all streams share its loop."""
    server = _started(
        {
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": flood.url,
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": f"{flood.url}/v1",
            "COACH_OUTPUT_LIMIT": str(LIMIT),
            "COACH_PACE": "20",
        }
    )
    yield server
    server.close()
    assert not server.complaint(), server.complaint()


def session_with(api: Api, brain: str) -> str:
    session = api.start()
    assert api.http.patch(f"/chat/sessions/{session}", json={"brain": brain}).status_code == 200
    return session


def read_raw(url: str, session: str) -> bytes:
    """A stream's body; it is parsed when nothing is measured any more."""
    body = {"session_id": session, "message": "Flood me"}
    with httpx2.stream("POST", f"{url}/chat/stream", json=body, timeout=60) as response:
        return b"".join(response.iter_raw())


@pytest.mark.parametrize("brain", ["claude", "openai"])
@pytest.mark.parametrize(
    ("knobs", "size", "status"),
    [
        (f"deltas={'x' * 1_048_576}", LIMIT, "truncated"),
        (f"deltas={'å' * 524_288}", LIMIT, "truncated"),
        ("words=100000", len(Scenario(words=100_000).text), "complete"),
        (f"words={ENDLESS}", LIMIT, "truncated"),
    ],
    ids=["a token of 1 MB", "a token of 1 MB, not ASCII", "100,000 tokens", "a stream without end"],
)
def test_row_24_a_flood_leaves_other_streams_smooth_and_the_limit_ends_it(
    coach: Server, flood: Flood, brain: str, knobs: str, size: int, status: str
) -> None:
    api = Api(coach.url, brain)
    assert api.message(session_with(api, brain), "Warm up").status_code == 200
    flooded, calm = session_with(api, brain), session_with(api, "config")
    flood.next(knobs)
    gaps: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_raw, coach.url, flooded)
        while not (reading.done() and gaps):
            reply = api.stream(calm, "Tell me about sleep")
            assert reply.end["status"] == "complete"
            gaps += [later - earlier for earlier, later in pairwise(reply.times[:-1])]
        raw = reading.result()
    assert max(gaps) < 0.5, sorted(gaps)[-5:]
    *tokens, end = frames_of(raw)
    text = "".join(frame["token"] for frame in tokens)
    assert (end["status"], len(text.encode())) == (status, size)
    assert max(map(len, raw.split(b"\n\n"))) <= 4094
    assert api.session(flooded)["messages"][1]["content"] == text
    assert flood.sent() < ENDLESS
    assert api.message(flooded, "Thank you").json()["status"] == "complete"
