"""The golden streams in clients/golden: bytes as the server writes them, and what a client must read in them.

`python -m tests.clients.golden` writes them; test_golden.py holds them against the server. The clients' own tests read the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from brains.errors import BrainBusy
from brains.types import Usage
from chat import sse
from chat.events import Done, Ended, Failed
from problems import Problem, ServerRestarted

FOLDER = Path(__file__).parent.parent.parent / "clients" / "golden"
CODES = "codes.json"
TURN, USER = UUID(int=0x0198C0FFEE), UUID(int=0x0198C0FFED)
COUNTED = Usage(7, 62)
WORDS = ("Start ", "with ", "light ", "cardio! ", "5 ", "minutes!")
TRICKY = (
    "Let’s ",
    "go! 💪",
    "\n\n",
    'data: {"token": "no"}',
    "\n\n",
    "naïve\\",
    "\u2028",
    "\r\n",
    "日本",
    '"',
    "\té",
)


@dataclass(frozen=True, slots=True)
class Golden:
    """One stream. `strict`: the server's own bytes; else what the standard allows besides, as a proxy may make of them."""

    name: str
    body: bytes
    frames: Sequence[dict[str, Any]]
    strict: bool = True

    def expected(self) -> str:
        text = "".join(frame.get("snapshot", frame.get("token", "")) for frame in self.frames)
        return json.dumps({"text": text, "frames": list(self.frames)}, indent=2, ensure_ascii=False) + "\n"


def _done(status: str = "complete", usage: Usage | None = COUNTED) -> Done:
    return Done(TURN, USER, TURN, status, "config", False, usage)


def _failed(problem: Problem, *, said: bool) -> Failed:
    return Failed(TURN, USER, TURN if said else None, problem)


def _tokens(texts: Sequence[str]) -> list[dict[str, Any]]:
    return [{"token": text} for text in texts]


def _stream(
    name: str, texts: Sequence[str], end: Ended, *, snapshot: str | None = None, pings: frozenset[int] = frozenset()
) -> Golden:
    parts = [sse.OPENING]
    frames: list[dict[str, Any]] = []
    if snapshot is not None:
        parts += sse.snapshot(snapshot)
        frames.append({"snapshot": snapshot})
    for number, text in enumerate(texts):
        parts += [sse.PING] if number in pings else []
        parts += sse.tokens(text)
    parts.append(sse.frame(sse.terminal(end)))
    return Golden(name, b"".join(parts), [*frames, *_tokens(texts), sse.terminal(end)])


def _loose() -> Iterator[Golden]:
    """What no server of ours writes, and a client reads all the same."""
    whole = _stream("whole", WORDS, _done())
    yield Golden("crlf", whole.body.replace(b"\n", b"\r\n"), whole.frames, strict=False)
    yield Golden("cr", whole.body.replace(b"\n", b"\r"), whole.frames, strict=False)
    body = (
        "\ufeff: hello\n\n:\n"
        'event: message\nid: 7\nretry: 3000\ndata:{"token": "no space "}\n\n'
        'data: {"token":\ndata:  "two lines "}\n\n'
        "nothing: known\n\n"
        'data: {"later": "a kind of frame that is not known yet"}\n\n'
        'data: {"token": "Å in UTF-8 💪", "more": 1}\r\n\r\n'
        f"{sse.frame(sse.terminal(_done())).decode()}"
        'data: {"token": "cut off before its empty line"}\n'
    )
    told = [*_tokens(("no space ", "two lines ")), {"token": "Å in UTF-8 💪", "more": 1}, sse.terminal(_done())]
    yield Golden("loose", body.encode(), told, strict=False)


def streams() -> list[Golden]:
    return [
        _stream("whole", WORDS, _done()),
        _stream("tricky", TRICKY, _done("truncated", None)),
        _stream("joined", WORDS[3:], _done("stopped"), snapshot="".join(WORDS[:3])),
        _stream("joined_at_once", (), _done(), snapshot="".join(WORDS)),
        _stream("pings", WORDS, _done(), pings=frozenset({0, 2, 5})),
        _stream("busy", (), _failed(BrainBusy(), said=False)),
        _stream("interrupted", WORDS[:2], _failed(ServerRestarted(), said=True), snapshot=""),
        *_loose(),
    ]


def codes() -> dict[str, dict[str, object]]:
    """Every code with its HTTP status, and whether a turn that ended so may be tried anew."""
    found: dict[str, dict[str, object]] = {}
    kinds = Problem.__subclasses__()
    while kinds:
        kind = kinds.pop()
        found[kind.code] = {"status": kind.status, "retryable": kind.retryable}
        kinds += kind.__subclasses__()
    return dict(sorted(found.items()))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for golden in streams():
        (FOLDER / f"{golden.name}.sse").write_bytes(golden.body)
        (FOLDER / f"{golden.name}.json").write_text(golden.expected(), encoding="utf-8")
    (FOLDER / CODES).write_text(json.dumps(codes(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
