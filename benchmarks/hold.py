"""Streams that stay open in silence: how many one worker holds, and what each takes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

import psycopg

from benchmarks import load, processes
from benchmarks.figures import Row
from benchmarks.plan import Plan, Result
from benchmarks.stack import Server, Stack, System, say

MOST_KB = 45.0
WARM = 200
"""Streams before the first look: what is made at first use is not a stream's."""

SILENCE = 5.0
"""s for which all are held before the second look."""

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'coach' AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment: PSS (KiB), threads, database connections."""

    memory_kb: int
    threads: int
    connections: int


@dataclass(frozen=True, slots=True)
class Held:
    """`broken`: streams that ended while they were held, or did not end well once the vendor went on."""

    streams: int
    broken: int
    before: Look
    during: Look

    @property
    def kb_a_stream(self) -> float:
        return (self.during.memory_kb - self.before.memory_kb) / self.streams


def look(system: System) -> Look:
    """At those who hold the streams: our worker, without the database; nginx whole."""
    if not isinstance(system, Server):
        pids = processes.family(system.roots[0])
        return Look(processes.memory_kb(pids), processes.threads(pids), 0)
    with psycopg.connect(system.where().conninfo()) as connection:
        row = connection.execute(CONNECTIONS).fetchone()
    return Look(processes.memory_kb([system.worker]), processes.threads([system.worker]), int(row[0]) if row else 0)


async def hold(stack: Stack, system: System, plan: Plan) -> Held:
    warm = await system.requests(min(WARM, plan.streams), plan.message(plan.short))
    load.check(await load.play(system.port, warm, min(plan.ramp, 2)), plan.short, system.name)
    say(f"hold: {system.name}, preparing {plan.streams} streams")
    requests = await system.requests(plan.streams, f"stub-1-{plan.rate}-hold")
    before = look(system)
    say(f"hold: {system.name}, opening them over {plan.ramp:.0f} s")
    streams = await load.hold(system.port, requests, plan.ramp)
    await asyncio.sleep(SILENCE)
    during = look(system)
    gone = sum(stream.ended.done() for stream in streams)
    running = (await stack.vendor.count())["running"]
    say(f"hold: {system.name}, {running} are open; they go on")
    await stack.vendor.release()
    async with asyncio.timeout(load.PATIENCE):
        await asyncio.gather(*(stream.ended for stream in streams))
    whole = sum(stream.complete and len(stream.delays) == 1 for stream in streams)
    return Held(plan.streams, max(gone, plan.streams - running, plan.streams - whole), before, during)


async def measure(stack: Stack, plan: Plan) -> Result:
    """Ours, then nginx; once each, in processes that have just been started, for memory that was used is kept for use."""
    processes.raise_file_limit()
    server, nginx = stack.server(), stack.nginx()
    await server.use("claude")
    ours = await hold(stack, server, plan)
    theirs = await hold(stack, nginx, plan) if nginx else None
    return Result(rows(ours, theirs), {"coach": asdict(ours), "nginx": asdict(theirs) if theirs else None})


def rows(ours: Held, nginx: Held | None) -> list[Row]:
    """The table's lines."""
    threads, more = ours.during.threads - ours.before.threads, ours.during.connections - ours.before.connections
    held = ours.streams - ours.broken
    nothing_more = ours.broken == 0 and threads <= 0 and more <= 0
    counts = f"threads {ours.before.threads} → {ours.during.threads}, connections {ours.before.connections} → "
    memory = f"{ours.kb_a_stream:.1f} KB"
    beside = f"nginx {nginx.kb_a_stream:.1f} KB" if nginx else "nginx not installed"
    name = f"open streams on one worker, of {ours.streams:,}"
    return [
        Row(name, f"{held:,}", f"{counts}{ours.during.connections}", "all; 0 a stream of both", nothing_more),
        Row("memory an open stream", memory, beside, f"≤ {MOST_KB:.0f} KB", ours.kb_a_stream <= MOST_KB),
    ]
