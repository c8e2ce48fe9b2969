"""Memory: how long a recall takes, and what it finds of facts that change."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Row, percentile
from benchmarks.plan import Plan, Result
from benchmarks.stack import ROOT, Server, Stack, say

MOST_LOOK_UPS = 50
"""Times a look-up by primary key, for the median recall."""

MOST_GROWTH = 2
"""Times the 99th percentile with a tenth of the messages."""

LEAST_FOUND, MOST_ABOVE, LEAST_TOLD = 0.95, 0.05, 0.9


async def measure(stack: Stack, plan: Plan) -> Result:
    """For a user with `plan.streams` messages, and one with a tenth of them."""
    server = stack.server()
    counts = (plan.streams // 10, plan.streams)
    say(f"memory: users with {counts[0]:,} and {counts[1]:,} messages; the first run stores them, which takes minutes")
    found = await alone(server, counts)
    figures: dict[str, Any] = {**found, "latencies": {count: of(found["latencies"][str(count)]) for count in counts}}
    return Result([*times(figures["latencies"]), *finds(found["changed"]), told(found["prompted"])], figures)


async def alone(server: Server, counts: tuple[int, ...]) -> dict[str, Any]:
    """What benchmarks.memory_alone prints, on the server's database."""
    environment = {**os.environ, "COACH_DATA": str(server.data), "COACH_AUTH": "open", "DATABASE_URL": ""}
    command = [sys.executable, "-m", "benchmarks.memory_alone", *map(str, counts)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("Recall can't be measured.")
    return dict(json.loads(printed))


def of(taken: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """ms: the median and the 99th percentile."""
    return {name: {f"p{share}": percentile(values, share) for share in (50, 99)} for name, values in taken.items()}


def times(measured: Mapping[int, Mapping[str, Mapping[str, float]]]) -> list[Row]:
    """For each number of messages a row."""
    rows, before = list[Row](), 0.0
    for count, taken in measured.items():
        recall, look_up = taken["recall"], taken["look-up"]
        share = recall["p50"] / look_up["p50"]
        reach, reached = f"≤ {MOST_LOOK_UPS} × look-up", share <= MOST_LOOK_UPS
        said = f"{recall['p50']:.1f} ms = {share:.0f} × look-up; p99 {recall['p99']:.1f} ms"
        if before:
            said += f" = {recall['p99'] / before:.2f} × that of a tenth"
            reach += f"; p99 ≤ {MOST_GROWTH} × that of a tenth"
            reached = reached and recall["p99"] <= MOST_GROWTH * before
        beside = f"look-up by key {look_up['p50']:.2f} ms, p99 {look_up['p99']:.2f}"
        rows.append(Row(f"a recall among {count:,} messages of a user, p50", said, beside, reach, reached))
        before = recall["p99"]
    return rows


def finds(changed: Mapping[str, Mapping[str, int]]) -> list[Row]:
    """All sets together; beside it each by itself."""
    asked = sum(one["asked"] for one in changed.values())
    found, above = (sum(one[name] for one in changed.values()) / asked for name in ("new_in_first", "old_above"))
    by_set, above_by_set = (
        ", ".join(f"{name} {one[figure] / one['asked']:.2f}" for name, one in changed.items())
        for figure in ("new_in_first", "old_above")
    )
    return [
        Row(
            "facts that changed: what holds now is in the first 5",
            f"{found:.2f}",
            by_set,
            "≥ 0.95",
            found >= LEAST_FOUND,
        ),
        Row(
            "facts that changed: what held before is above it",
            f"{above:.2f}",
            above_by_set,
            "≤ 0.05",
            above <= MOST_ABOVE,
        ),
    ]


def told(prompted: Mapping[str, Mapping[str, int]]) -> Row:
    """Both languages together."""
    related, with_evidence, unrelated, untold = (
        sum(one[name] for one in prompted.values()) for name in ("related", "with_evidence", "unrelated", "untold")
    )
    shares = (with_evidence / related, untold / unrelated)
    return Row(
        "prompts: related ones are told their evidence; others nothing",
        f"{shares[0]:.2f}; {shares[1]:.2f}",
        f"{related} and {unrelated} prompts",
        f"≥ {LEAST_TOLD}; ≥ {LEAST_TOLD}",
        min(shares) >= LEAST_TOLD,
    )
