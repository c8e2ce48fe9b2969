"""A client of the HTTP API, as tests need it: correct, and watching what it reads."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
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
        """The tokens, after the snapshot where there is one."""
        return "".join(frame.get("snapshot", frame.get("token", "")) for frame in self.frames)

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

    def warm_up(self, patience: float = 180) -> None:
        """Talk until a reply is whole: a process imports its brain's SDK first, which may take longer than its deadlines."""
        deadline = time.monotonic() + patience
        while (answer := self.message(self.start(), "Warm up")).status_code != 200:
            assert time.monotonic() < deadline, answer.text

    def stream(self, session: str, message: str, **headers: str) -> Reply:
        """Send and read the stream to its end, or the refusal."""
        return self.read("POST", "/chat/stream", {"session_id": session, "message": message}, **headers)

    def join(self, turn: str) -> Reply:
        """Follow a turn to its end."""
        return self.read("GET", f"/chat/turns/{turn}/stream")

    def regenerate(self, message: str, **headers: str) -> Reply:
        return self.read("POST", f"/chat/messages/{message}/regenerate", {}, **headers)

    def edit(self, message: str, text: str, **headers: str) -> Reply:
        return self.read("POST", f"/chat/messages/{message}/edit", {"message": text}, **headers)

    def stop(self, turn: str) -> httpx2.Response:
        return self.http.post(f"/chat/turns/{turn}/stop")

    def read(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Reply:
        """A stream, read to its end, or the refusal."""
        with self.http.stream(method, path, json=body, headers=headers) as response:
            reply = Reply(response.status_code, response.headers, b"")
            whole = 0
            for part in response.iter_raw():
                reply.raw += part
                if response.status_code == 200:
                    end = reply.raw.rfind(b"\n\n") + 2 if b"\n\n" in reply.raw[whole:] else whole
                    new = frames_of(reply.raw[whole:end])
                    whole = end
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

    def wait_for(self, session: str, status: str, patience: float = 90) -> Any:
        """The session, once its last message's turn has this status."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            detail = self.session(session)
            if detail["messages"] and detail["messages"][-1]["status"] == status:
                return detail
            time.sleep(0.02)
        raise AssertionError(f"not {status} after {patience} s: {detail}")


class Pinned(Api):
    """A user whose sessions are answered by the brain of the same name."""

    def start(self, **fields: Any) -> str:
        session = super().start(**fields)
        answer = self.http.patch(f"/chat/sessions/{session}", json={"brain": self.user})
        assert answer.status_code == 200, answer.text
        return session


class Listening:
    """A stream that is read aside: `Listening(api.stream, session, "Hello")`."""

    def __init__(self, read: Callable[..., Reply], *arguments: Any, **headers: str) -> None:
        self._future: Future[Reply] = Future()
        self._thread = threading.Thread(target=self._read, args=(read, arguments, headers), daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self._future.done()

    def reply(self, patience: float = 180) -> Reply:
        """Wait for its end (s)."""
        return self._future.result(patience)

    def _read(self, read: Callable[..., Reply], arguments: tuple[Any, ...], headers: dict[str, str]) -> None:
        try:
            self._future.set_result(read(*arguments, **headers))
        except Exception as error:  # noqa: BLE001 — told to whoever waits
            self._future.set_exception(error)
