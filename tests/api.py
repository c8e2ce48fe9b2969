"""A client of the HTTP API, as tests need it: correct, and watching what it reads."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass
class Reply:
    """A stream, read to its end: its frames, and when each came (s, monotonic)."""

    status: int
    headers: httpx2.Headers
    raw: bytes
    frames: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(frame["token"] for frame in self.frames if "token" in frame)

    @property
    def end(self) -> dict[str, Any]:
        """The terminal frame: exactly one, and nothing after it."""
        ends = [frame for frame in self.frames if "done" in frame or "error" in frame]
        assert len(ends) == 1, self.frames
        assert ends[0] is self.frames[-1], self.frames
        return ends[0]


def frames_of(raw: bytes) -> list[dict[str, Any]]:
    """The frames of a body, read by the line."""
    lines = raw.decode("ascii").split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


class Api:
    """One user's way to a server."""

    def __init__(self, url: str, user: str = "test") -> None:
        self.url = url
        self.user = user
        self.http = httpx2.Client(base_url=url, timeout=30)
        weakref.finalize(self, self.http.close)

    def start(self, **fields: Any) -> str:
        """A new session's id."""
        answer = self.http.post("/chat/start", json={"user_id": self.user, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["session_id"])

    def stream(self, session: str, message: str, **headers: str) -> Reply:
        """Send and read the stream to its end, or the refusal."""
        body = {"session_id": session, "message": message}
        with self.http.stream("POST", "/chat/stream", json=body, headers=headers) as response:
            reply = Reply(response.status_code, response.headers, b"")
            for part in response.iter_raw():
                reply.raw += part
                new = frames_of(part) if response.status_code == 200 else []
                reply.frames += new
                reply.times += [time.monotonic()] * len(new)
        return reply

    @contextmanager
    def streaming(self, session: str, message: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Send, and read frame by frame; leaving ends the connection."""
        body = {"session_id": session, "message": message}
        with (
            httpx2.Client(base_url=self.url, timeout=30) as http,
            http.stream("POST", "/chat/stream", json=body) as response,
        ):
            assert response.status_code == 200, response.read()
            yield (frame for part in response.iter_raw() for frame in frames_of(part))

    def message(self, session: str, message: str, **headers: str) -> httpx2.Response:
        return self.http.post("/chat/message", json={"session_id": session, "message": message}, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a path that answers 200."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self, session: str) -> Any:
        return self.get(f"/chat/sessions/{session}")

    def wait_for(self, session: str, status: str, patience: float = 10) -> Any:
        """The session, once its last message's turn has this status."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            detail = self.session(session)
            if detail["messages"] and detail["messages"][-1]["status"] == status:
                return detail
            time.sleep(0.02)
        raise AssertionError(f"not {status} after {patience} s: {detail}")
