"""The config brain with many streams: CPU a word."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median as middle
from typing import NamedTuple

from benchmarks import figures, load
from benchmarks.cost import SETTLED
from benchmarks.figures import Row
from benchmarks.plan import Plan, Result
from benchmarks.stack import ROOT, Server, Stack, say, turns

MOST_A_WORD = 40.0
COACH = "fitness_coach"
FRAME = re.compile(rb'^data: (\{"token": .*\})', re.MULTILINE)
WORD = re.compile(r"\S+")


class Point(NamedTuple):
    """A run: words of a reply, CPU seconds of a turn."""

    words: float
    seconds: float


def personas(plan: Plan) -> dict[str, object]:
    """Coaches that say as many words as are wanted, as `manage.py personas import` takes them."""
    each = {
        name: {"openers": ["Listen."], "closers": ["Right?"], "replies": {"other": [" ".join(["word"] * (words - 2))]}}
        for name, words in (("bench_short", plan.short), ("bench_long", plan.long))
    }
    known = {"description": "For measurements.", "instructions": "Count."}
    return {
        "format": "coach-personas-1",
        "personas": [{"id": name, "name": name, **known, "script": script} for name, script in each.items()],
    }


def bring(server: Server, plan: Plan) -> None:
    """Make the coaches, or change them to this plan's."""
    file = server.data / "personas.json"
    file.write_text(json.dumps(personas(plan)), encoding="utf-8")
    environment = {**os.environ, "COACH_DATA": str(server.data), "COACH_AUTH": "open", "DATABASE_URL": ""}
    command = [sys.executable, str(Path(ROOT) / "manage.py"), "personas", "import", str(file), "--publish"]
    done = subprocess.run(  # noqa: S603 — our own program, no shell
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"The coaches can't be made: {done.stderr[-500:]}")


async def played(server: Server, plan: Plan, persona: str) -> Point:
    sessions = await load.start(server.port, plan.streams, persona)
    await asyncio.sleep(SETTLED)
    before = server.cpu()
    streams = await load.play(server.port, turns(sessions, "Say something."), plan.ramp, keep=True)
    await asyncio.sleep(SETTLED)
    spent = server.cpu() - before
    if not all(stream.complete for stream in streams):
        raise SystemExit("config: a stream is not whole.")
    counts = [words_of(b"".join(stream.text)) for stream in streams]
    return Point(sum(counts) / len(counts), spent / len(streams))


def words_of(body: bytes) -> int:
    """The words of a stream's text."""
    text = "".join(json.loads(frame)["token"] for frame in FRAME.findall(body))
    return len(WORD.findall(text))


async def measure(stack: Stack, plan: Plan) -> Result:
    """Rounds of short and long replies, and of a coach's own, after one to warm up."""
    server = stack.server(COACH_PACE=str(plan.rate))
    await server.use("config")
    bring(server, plan)
    slopes, whole = [], []
    for number in range(plan.rounds + 1):
        say(f"config: {f'round {number} of {plan.rounds}' if number else 'warming up'}")
        now = plan if number else plan.warming()
        short, long, own = [await played(server, now, name) for name in ("bench_short", "bench_long", COACH)]
        if number:
            slopes.append(figures.fit(short, long))
            whole.append(own)
    found = {"each": [asdict(slope) for slope in slopes], "whole": [point._asdict() for point in whole]}
    return Result(rows(slopes, whole, plan), found, {"config brain": figures.median(slopes).per_token_us})


def rows(slopes: Sequence[figures.Cost], whole: Sequence[Point], plan: Plan) -> list[Row]:
    """The table's lines."""
    slope, words = figures.median(slopes), whole[0].words
    all_of_it = middle(point.seconds / point.words for point in whole) * 1e6
    return [
        Row(
            f"CPU a word, config brain, {plan.streams:,} streams at {plan.rate} words a second",
            f"{slope.per_token_us:.0f} µs",
            f"all of a turn of {words:.0f} words, divided by them: {all_of_it:.0f} µs",
            f"≤ {MOST_A_WORD:.0f} µs",
            slope.per_token_us <= MOST_A_WORD,
        )
    ]
