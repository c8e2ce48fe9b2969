"""The page's modules without a page, in node: frames in pieces of any size, Markdown cut anywhere, a session's tree."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.clients.node import NODE, environment
from web.assets import HERE
from web.bundle import joined

LIBRARIES = "globalThis.marked = { Marked: class {} }; globalThis.document = { getElementById: () => null };\n"


def asked(module: str, script: str, given: object = None) -> Any:
    """What `script` puts into `told`, with the module's names and `given` in its scope."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "page").glob("*.js")}
    text = f"{LIBRARIES}const given = {json.dumps(given)};\nlet told;\n{joined(sources, module)}\n{script}"
    done = subprocess.run(
        [NODE, "--input-type=module", "-"],
        env=environment(),
        input=f"{text}\nconsole.log(JSON.stringify(told ?? null));",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- Frames -------------------------------------------------------------------------------------------------------
STREAM = (
    ': hello\n\ndata: {"token": "Let\u2019s "}\n\n: ping\n\ndata:{"token": "go"}\nevent: x\nid: 7\n\n'
    'data: {"token":\ndata: "two lines"}\n\n\n\ndata: {"done": true}\n\ndata: {"unfinished'
)
FRAMES = [{"token": "Let\u2019s "}, {"token": "go"}, {"token": "two lines"}, {"done": True}]

IN_PIECES = """
told = [];
for (const text of given) for (let size = 1; size <= text.length; size += 1) {
  const reader = new FrameReader();
  const frames = [];
  for (let at = 0; at < text.length; at += size) {
    frames.push(...reader.push(text.slice(at, at + size)), ...reader.push(""));
  }
  told.push(JSON.stringify(frames));
}
told = [...new Set(told)].map((each) => JSON.parse(each));
"""


def test_frames_are_read_whole_from_pieces_of_any_size_with_any_line_ends() -> None:
    streams = [STREAM.replace("\n", end) for end in ("\n", "\r\n", "\r")]
    assert asked("frames.js", IN_PIECES, streams) == [FRAMES]


# --- Markdown -----------------------------------------------------------------------------------------------------
MENDED = {
    "Plain words": "Plain words",
    "Some **bold": "Some **bold**",
    "Some **bold*": "Some **bold**",
    "Some **bold**": "Some **bold**",
    "Some *soft": "Some *soft*",
    "Some ***both": "Some ***both***",
    "Some ~~gone": "Some ~~gone~~",
    "Some ~~gone~": "Some ~~gone~~",
    "Some `co": "Some `co`",
    "Some `co**de": "Some `co**de`",
    "Some `code` and": "Some `code` and",
    "Some **": "Some",
    "Some *": "Some",
    "2 * 3 * 4": "2 * 3 * 4",
    "A [link": "A link",
    "A [link]": "A link",
    "A [link](https://exam": "A link",
    "A [link](https://example.com)": "A [link](https://example.com)",
    "An ![image](htt": "An image",
    "One\n-": "One",
    "One\n- ": "One",
    "One\n2.": "One",
    "#": "",
    "##": "",
    "- one\n- **two": "- one\n- **two**",
    "* one *soft": "* one *soft*",
    "| a | b |": "",
    "| a | b |\n| --- | --- |\n": "",
    "| a | b |\n| --- | --- |\n| 1 | 2": "",
    "| a | b |\n| --- | --- |\n| 1 | 2 |\n": "| a | b |\n| --- | --- |\n| 1 | 2 |",
    "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3": "| a | b |\n| --- | --- |\n| 1 | 2 |",
    "```python\nprint(**x": "```python\nprint(**x",
    "```\ncode\n``": "```\ncode",
}


def test_a_block_that_is_cut_is_mended() -> None:
    told = asked("markdown.js", "told = given.map(mended);", list(MENDED))
    assert dict(zip(MENDED, told, strict=True)) == MENDED


# --- A session's tree ---------------------------------------------------------------------------------------------
def message(number: int, role: str, parent: int | None, status: str = "complete") -> dict[str, object]:
    return {
        "message_id": f"m{number}",
        "role": role,
        "content": f"text {number}",
        "parent_id": parent and f"m{parent}",
        "turn_id": f"t{number if role == 'assistant' else number + 1}",
        "status": status,
        "persona": "calm_coach" if role == "assistant" else None,
    }


PATH = "const told_of = (history) => history.path().map(({ id, role, status }) => [id, role, status]);\n"


@pytest.mark.parametrize(
    ("messages", "head", "path"),
    [
        ([message(1, "user", None), message(2, "assistant", 1)], "m2", ["m1", "m2"]),
        ([message(1, "user", None, "running"), message(2, "assistant", 1, "running")], "m1", ["m1", "m2"]),
        (
            [message(1, "user", None), message(2, "assistant", 1), message(4, "assistant", 1, "running")],
            "m2",
            ["m1", "m4"],
        ),
        ([message(1, "user", None, "stopped")], "m1", ["m1", "wordless_t2"]),
        (
            [message(1, "user", None, "failed"), message(3, "user", None), message(4, "assistant", 3)],
            "m4",
            ["m3", "m4"],
        ),
        ([], None, []),
    ],
    ids=["told", "running", "regenerating", "wordless", "wordless-beside", "empty"],
)
def test_the_path_that_is_shown(messages: list[object], head: str | None, path: list[str]) -> None:
    script = PATH + "const history = new History(); history.load(given[0], given[1], 'x'); told = told_of(history);"
    assert [each[0] for each in asked("history.js", script, [messages, head])] == path


def test_versions_leaves_names_and_identity() -> None:
    messages = [
        message(1, "user", None),
        message(2, "assistant", 1),
        message(3, "user", 2),
        message(4, "assistant", 3),
        message(5, "user", None),
        message(6, "assistant", 5),
        message(8, "assistant", 1),
    ]
    script = """
    const history = new History();
    history.load(given, "m4", "x");
    const at = (id) => history.messages.get(id);
    const before = at("m2");
    told = {
      questions: history.versions(at("m1")).map(({ id }) => id),
      answers: history.versions(at("m2")).map(({ id }) => id),
      leaves: ["m1", "m2", "m5"].map((id) => history.leafOf(at(id)).id),
    };
    history.load(given, "m4", "x");
    told.same = before === at("m2");
    const mine = { id: "local_1", local: true, role: "user", parent: "m4" };
    const reply = { id: "local_2", local: true, role: "assistant", parent: "local_1" };
    history.add(mine);
    history.add(reply);
    history.rename(mine, "m9");
    history.rename(reply, null);
    told.renamed = history.path().map(({ id }) => id);
    history.remove(reply);
    history.remove(mine);
    told.removed = history.path().map(({ id }) => id);
    """
    assert asked("history.js", script, messages) == {
        "questions": ["m1", "m5"],
        "answers": ["m2", "m8"],
        "leaves": ["m8", "m4", "m6"],
        "same": True,
        "renamed": ["m1", "m2", "m3", "m4", "m9", "local_2"],
        "removed": ["m1", "m2", "m3", "m4"],
    }
