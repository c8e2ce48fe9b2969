"""The golden streams that all clients are tested with are the server's: byte for byte, and of the kinds that it really sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat import sse
from tests.api import Api, frames_of
from tests.clients import golden
from tests.serving import Server
from tests.vendor import Scenario, Vendor

REFRESH = "Frames have changed: clients/refresh"
STREAMS = golden.streams()


@pytest.mark.parametrize("made", STREAMS, ids=lambda made: made.name)
def test_the_files_are_what_the_servers_code_makes(made: golden.Golden) -> None:
    assert (golden.FOLDER / f"{made.name}.sse").read_bytes() == made.body, REFRESH
    assert (golden.FOLDER / f"{made.name}.json").read_text(encoding="utf-8") == made.expected(), REFRESH


def test_there_are_no_other_files() -> None:
    names = {f"{made.name}.{kind}" for made in STREAMS for kind in ("sse", "json")}
    assert {path.name for path in golden.FOLDER.iterdir()} == names | {golden.CODES, ".gitattributes"}
    assert json.loads((golden.FOLDER / golden.CODES).read_text(encoding="utf-8")) == golden.codes(), REFRESH


@pytest.mark.parametrize("made", [one for one in STREAMS if one.strict], ids=lambda made: made.name)
def test_they_keep_the_rules_of_a_stream(made: golden.Golden) -> None:
    blocks = made.body.decode("ascii").removesuffix("\n\n").split("\n\n")
    assert len(blocks[0]) >= 512
    assert blocks[0].startswith(":")
    assert all("\n" not in block and block.startswith(("data: ", ": ping")) for block in blocks[1:])
    assert all(len(block) + 2 <= sse.FRAME_LIMIT for block in blocks)
    assert frames_of(made.body) == list(made.frames)
    assert [bool({"done", "error"} & frame.keys()) for frame in made.frames] == [False] * (len(made.frames) - 1) + [
        True
    ]


def kind(frame: dict[str, Any]) -> dict[str, str]:
    """A frame's fields, with the types of their values."""
    return {name: type(value).__name__ for name, value in frame.items()}


def named(name: str) -> golden.Golden:
    return next(made for made in STREAMS if made.name == name)


def test_a_real_server_says_the_same_kinds_of_frames(vendored: Server, vendor: Vendor) -> None:
    api = Api(vendored.url)
    vendor.next(Scenario(deltas=golden.TRICKY, stop="truncated"))
    told = {"tricky": api.stream(api.start(), "Hello")}
    told["joined_at_once"] = api.join(told["tricky"].headers["x-turn-id"])
    vendor.base = Scenario(status=529, error="overloaded_error", retry_after="60")
    told["busy"] = api.stream(api.start(), "Hello")
    vendor.base = Scenario(deltas=golden.WORDS, cut=2)
    told["interrupted"] = api.stream(api.start(), "Hello")
    for name, reply in told.items():
        kinds = [kind(frame) for frame in named(name).frames]
        assert reply.raw.startswith(sse.OPENING), name
        assert all(kind(frame) in kinds for frame in reply.frames), (name, reply.frames)
        assert ("snapshot" in reply.frames[0]) == (name == "joined_at_once")
    assert told["tricky"].text == told["joined_at_once"].text == "".join(golden.TRICKY)
    assert told["busy"].end["error"] == named("busy").frames[-1]["error"]


def test_the_scripted_brain_ends_as_the_golden_whole_one(coach: Server) -> None:
    api = Api(coach.url)
    reply = api.stream(api.start(), "How should I warm up?")
    assert kind(reply.end) == kind(named("whole").frames[-1])
