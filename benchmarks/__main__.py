"""`python -m benchmarks [part …]`: what Coach costs, beside others in one run. Parts: cost, latency, hold, vanish, config,
memory, dashboard, page, soak; and table.

Without a part's name all are measured, which takes about forty minutes. Each part starts the stub vendor, the server as `./run`
does, with one worker and an embedded database of the benchmarks' own, and what stands beside it, on free ports; and ends them.
The table is printed, JSON and a picture are written to benchmarks/results. `table` prints what was measured last.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import cost, dashboard, hold, latency, memory, page, picture, scripted, soak, table, vanish
from benchmarks.plan import Plan, Result
from benchmarks.results import Results
from benchmarks.stack import ROOT, Stack, say

Measure = Callable[[Stack, Plan], Coroutine[Any, Any, Result]]

PARTS: Mapping[str, tuple[Measure, Plan]] = {
    "cost": (cost.measure, Plan(streams=100, long=205)),
    "latency": (latency.measure, Plan(streams=200)),
    "hold": (hold.measure, Plan(streams=5_000, rounds=1, ramp=50)),
    "vanish": (vanish.measure, Plan(streams=1_000, ramp=10)),
    "config": (scripted.measure, Plan(streams=1_000, ramp=10, short=10, long=310)),
    "memory": (memory.measure, Plan(streams=100_000, rounds=1)),
    "dashboard": (dashboard.measure, Plan(streams=1_000_000, rounds=1)),
    "page": (page.measure, Plan(streams=2_000, rate=100)),
    "soak": (soak.measure, Plan(streams=200, rounds=1, ramp=10, long=200, rate=10, seconds=600)),
}


def changed(plan: Plan, asked: argparse.Namespace) -> Plan:
    """A part's plan with what was asked for; fewer streams are opened in less time."""
    streams = asked.streams or plan.streams
    rounds = min(asked.rounds or plan.rounds, 1) if plan.rounds == 1 else asked.rounds or plan.rounds
    ramp = plan.ramp * streams / plan.streams
    seconds = asked.seconds or plan.seconds
    return replace(plan, streams=streams, rounds=rounds, ramp=ramp, rate=asked.rate or plan.rate, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}, table; all if absent")
    parser.add_argument("--rounds", type=int, help="5 if absent; hold, memory, dashboard and soak have one")
    parser.add_argument(
        "--streams",
        type=int,
        help="at once, of memory and dashboard the messages, of page a reply's words; each part has its own number",
    )
    parser.add_argument("--rate", type=int, help="words a second of a stream; 20 if absent, of page 100")
    parser.add_argument("--seconds", type=float, help="of the soak; 600 if absent")
    parser.add_argument("--strict", action="store_true", help="end with status 1 where a figure is missed")
    parser.add_argument("--markdown", action="store_true", help="print the table as a document has it")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", metavar="FOLDER")
    parser.add_argument("--data", type=Path, default=ROOT / ".data" / "benchmarks", metavar="FOLDER")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - {*PARTS, "table"}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    results = Results(asked.results)
    chosen = [part for part in PARTS if not asked.parts or part in asked.parts]
    for part in chosen:
        measure, plan = PARTS[part][0], changed(PARTS[part][1], asked)
        say(f"{part}: starting")
        before = os.getloadavg()[0]
        with ExitStack() as exits:
            result = uvloop.run(measure(Stack(exits, asked.data.absolute()), plan))
        results.add(part, plan, result, before)
        results.save()
        if bars := results.bars():
            picture.draw(bars, asked.results / "latest.svg")
        if result.curves:
            picture.curves(result.curves, f"{part}, {plan.seconds:.0f} s", asked.results / f"{part}.svg")
    rows = results.rows(chosen or PARTS)
    print("\n".join(table.markdown(rows) if asked.markdown else table.lines(rows)))  # noqa: T201
    if asked.strict and any(row.reached is False for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
