"""Many streams, and other requests beside them."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks import load
from tests.api import Api
from tests.conftest import Serve

STREAMS, SECONDS, A_SECOND = 200, 5, 20


@pytest.mark.timing
def test_row_33_two_hundred_streams_leave_other_requests_quick(server: Serve) -> None:
    coach = server(COACH_LIMITS="off", COACH_PACE="20")
    port = int(coach.url.rpartition(":")[2])
    sessions = [Api(coach.url).start() for _ in range(STREAMS)]

    async def ask(at: float) -> float:
        await asyncio.sleep(at)
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /chat/personas HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200 ")
        return time.monotonic() - begun

    async def play() -> tuple[list[load.Stream], list[float]]:
        requests = [load.request("/chat/stream", {"session_id": each, "message": "Hello"}) for each in sessions]
        asking = asyncio.gather(*(ask(1 + number / A_SECOND) for number in range(SECONDS * A_SECOND)))
        return await load.play(port, requests, 1.0), await asking

    streams, times = asyncio.run(play())
    assert all(stream.complete for stream in streams)
    assert sorted(times)[int(len(times) * 0.95)] < 0.5
