"""What clients do to a turn: leave, stay without reading, send twice."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from tests.api import Api, Reply
from tests.coach_project.processes import until
from tests.conftest import Serve
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.xdist_group("leaving")


@pytest.fixture(scope="module")
def coach(_one_vendor: Vendor, _started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """Two workers and a claude."""
    server = _started(
        {
            "WEB_CONCURRENCY": "2",
            "COACH_BRAIN": "claude",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": _one_vendor.url,
            "COACH_POOL_SIZE": "6",
        }
    )
    yield server
    server.close()
    assert not server.complaint()


def opened(server: Server, session: str, message: str = "Hello") -> socket.socket:
    """A connection that has sent its request, and reads nothing by itself."""
    body = json.dumps({"session_id": session, "message": message}).encode()
    port = int(server.url.rpartition(":")[2])
    wire = socket.create_connection(("127.0.0.1", port), 10)
    head = f"POST /chat/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    wire.sendall(f"{head}\r\n\r\n".encode() + body)
    return wire


def read_until(wire: socket.socket, words: int) -> bytes:
    """Read so many words of the reply; a frame may hold several."""
    data = b""
    while b"".join(re.findall(rb'"token": "([^"]*)"', data)).count(b" ") < words:
        part = wire.recv(65536)
        assert part, data
        data += part
    return data


@pytest.mark.parametrize("how", ["close", "reset", "between the last token and done"])
def test_row_01_a_client_that_leaves_changes_nothing(vendor: Vendor, coach: Server, how: str) -> None:
    vendor.base = Scenario(words=30, pace=0.02)
    api = Api(coach.url)
    session = api.start()
    wire = opened(coach, session)
    read_until(wire, 30 if how.startswith("between") else 5)
    if how == "reset":
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    detail = api.wait_for(session, "complete")
    assert [message["content"] for message in detail["messages"]] == ["Hello", vendor.base.text.strip() + " "]
    assert "ERROR" not in coach.log.read_text()
    assert api.message(session, "And now?").status_code == 200
    assert [line["role"] for line in vendor.turns[-1].body["messages"]] == ["user", "assistant", "user"]


def rss(pid: int) -> int:
    """Memory of a process, KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError


@pytest.mark.timing
def test_row_02_who_reads_nothing_slows_nobody_and_takes_no_memory(server: Serve) -> None:
    with Vendor(base=Scenario(deltas=("x" * 4000,) * 4000, pace=0.01)) as vendor:
        coach = server(
            COACH_BRAIN="claude",
            ANTHROPIC_API_KEY="k",
            ANTHROPIC_BASE_URL=vendor.url,
            COACH_OUTPUT_LIMIT=str(8 << 20),
            COACH_TURN_TIMEOUT="6",
            COACH_LIMITS="off",
        )
        api = Api(coach.url)
        vendor.next(words=3)
        assert api.message(api.start(), "Hello").status_code == 200
        (worker,) = (int(pid) for pid in Path(f"/proc/{coach.pid}/task/{coach.pid}/children").read_text().split())
        before = rss(worker)
        wires = [opened(coach, api.start()) for _ in range(10)]
        while len(vendor.turns) < 11:
            time.sleep(0.01)
        vendor.next(words=40, pace=0.05)
        quick = api.stream(api.start(), "Hello")
        gaps = [after - at for at, after in pairwise(quick.times)]
        assert max(gaps) < 0.5
        # Each stream's text once, and what the sockets' buffers hold; ten times over.
        assert rss(worker) - before < 10 * (4 << 10) * 3
        with coach.database() as database:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                row = database.execute("SELECT count(*) FROM chat_turn WHERE status = 'running'").fetchone()
                if row == (0,):
                    break
                time.sleep(0.1)
            assert row == (0,)
        for wire in wires:
            wire.close()


@pytest.mark.timing
def test_row_03_behind_a_proxy_that_asks_for_gzip_tokens_arrive_as_they_are_sent(
    vendor: Vendor, vendored: Server
) -> None:
    vendor.base = Scenario(words=10, pace=0.2)
    api = Api(vendored.url)
    for accept in ("text/event-stream", "*/*", "application/json"):
        vendor.reset()
        reply = api.stream(
            api.start(), "Hello", **{"Accept-Encoding": "gzip, br", "Accept": accept, "X-Forwarded-For": "10.0.0.1"}
        )
        assert reply.status == 200
        assert "content-encoding" not in reply.headers
        assert len(reply.frames) == 11
        assert max(after - at for at, after in pairwise(reply.times)) < 0.2 + 0.3
        assert min(after - at for at, after in pairwise(reply.times[:-1])) > 0.05


def test_row_05_ten_identical_sends_are_one_turn(vendor: Vendor, coach: Server) -> None:
    vendor.base = Scenario(words=20, pace=0.05)
    session = Api(coach.url).start()

    def send(_: int) -> Reply:
        mine = Api(coach.url)
        return mine.stream(session, "Hello", **{"Idempotency-Key": "a key"})

    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(send, range(10)))
    assert [reply.text for reply in replies] == [vendor.base.text] * 10
    assert len({json.dumps(reply.end) for reply in replies}) == 1
    assert len(vendor.turns) == 1
    assert [message["role"] for message in Api(coach.url).session(session)["messages"]] == ["user", "assistant"]
    replayed = send(0)
    assert (replayed.text, replayed.end) == (replies[0].text, replies[0].end)
    assert len(vendor.turns) == 1


def test_row_05_an_error_is_replayed_too(vendor: Vendor, coach: Server) -> None:
    api = Api(coach.url)
    session = api.start()
    vendor.next(status=401)
    first = api.stream(session, "Hello", **{"Idempotency-Key": "e"})
    again = api.stream(session, "Hello", **{"Idempotency-Key": "e"})
    assert first.end["error"] == "provider_config"
    assert again.end == first.end
    whole = api.message(session, "Hello", **{"Idempotency-Key": "e"})
    assert (whole.status_code, whole.json()["error"]) == (502, "provider_config")
    assert len(vendor.turns) == 1


def test_row_06_a_key_with_another_body_is_refused(vendor: Vendor, coach: Server) -> None:
    api = Api(coach.url)
    session = api.start()
    assert api.stream(session, "Hello", **{"Idempotency-Key": "k"}).status == 200
    refused = api.message(session, "Something else", **{"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["error"]) == (422, "idempotency_mismatch")
    assert len(api.session(session)["messages"]) == 2
    somebody = Api(coach.url, "somebody else")
    assert somebody.message(somebody.start(), "Something else", **{"Idempotency-Key": "k"}).status_code == 200


def test_row_07_of_two_messages_at_once_one_is_answered_the_other_refused(vendor: Vendor, coach: Server) -> None:
    vendor.base = Scenario(words=5000, pace=0.02)
    session = Api(coach.url).start()
    barrier = threading.Barrier(2)

    def answered(last: dict[str, str]) -> bool:
        return last["role"] == "assistant" and bool(last["content"])

    def send(message: str) -> Reply:
        """Whoever is refused ends the other's turn once it has said something: until then it runs."""
        mine = Api(coach.url)
        barrier.wait()
        reply = mine.stream(session, message)
        if reply.status == 409:
            until(lambda: answered(mine.session(session)["messages"][-1]))
            assert mine.stop(json.loads(reply.raw)["turn_id"]).status_code == 202
        return reply

    with ThreadPoolExecutor(2) as pool:
        for number in range(20):
            replies = list(pool.map(send, (f"{number} left", f"{number} right")))
            assert sorted(reply.status for reply in replies) == [200, 409]
            (lost,) = (json.loads(reply.raw) for reply in replies if reply.status == 409)
            (won,) = (reply for reply in replies if reply.status == 200)
            assert (lost["error"], lost["turn_id"]) == ("turn_in_progress", won.headers["x-turn-id"])
            assert won.end["status"] == "stopped"
    messages = Api(coach.url).session(session)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 20
    assert len(vendor.turns) == 20
