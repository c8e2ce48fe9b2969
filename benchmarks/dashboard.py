"""The operator's dashboard: how long its page takes where a million messages are stored."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from benchmarks.figures import Row, percentile
from benchmarks.plan import Plan, Result
from benchmarks.stack import ROOT, Server, Stack, say

MOST = 1.0
"""s for the page, whatever the range."""


async def measure(stack: Stack, plan: Plan) -> Result:
    """With `plan.streams` messages, half as many turns, over thirty days."""
    server = stack.server("dashboard")
    say(f"dashboard: {plan.streams:,} messages; the first run stores them, which takes minutes")
    found = await alone(server, plan.streams)
    return Result(rows(plan.streams, found["pages"]), found)


async def alone(server: Server, messages: int) -> dict[str, Any]:
    """What benchmarks.dashboard_alone prints, on the server's database."""
    environment = {**os.environ, "COACH_DATA": str(server.data), "COACH_AUTH": "open", "DATABASE_URL": ""}
    superuser = server.where("postgres").conninfo()
    command = [sys.executable, "-m", "benchmarks.dashboard_alone", str(messages), superuser]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("The dashboard can't be measured.")
    return dict(json.loads(printed))


def rows(messages: int, pages: dict[str, dict[str, Any]]) -> list[Row]:
    """A line for each range: the median page, and the slowest."""
    return [
        Row(
            f"the dashboard of {name} among {messages:,} messages, p50",
            f"{percentile(page['seconds'], 50):.2f} s; slowest {max(page['seconds']):.2f} s",
            f"{page['turns']:,} turns in the range",
            f"< {MOST:g} s",
            percentile(page["seconds"], 50) < MOST,
        )
        for name, page in pages.items()
    ]
