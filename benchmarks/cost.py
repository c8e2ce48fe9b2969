"""CPU a token and a turn of each brain, beside a bare relay, nginx and the SDKs alone; what a turn says to the database."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from statistics import median as middle

from benchmarks import figures, load, statements
from benchmarks.figures import Cost, Row
from benchmarks.plan import Plan, Result
from benchmarks.processes import cpu_seconds, family
from benchmarks.stack import ROOT, Server, Stack, System, say

SETTLED = 0.3
"""s after the last stream's end: replies are stored, connections are put away."""

BRAINS = {"claude": "claude", "openai, Responses": "openai", "openai, Chat Completions": "openai"}
ALONE = {"claude": "claude", "openai, Responses": "responses", "openai, Chat Completions": "chat"}
MOST_A_TOKEN, MOST_OF_RELAY, MOST_OF_SDK, MOST_A_TURN = 130.0, 1.4, 0.5, 5.0

RELAY, NGINX = "relay", "nginx"
SDK = "the SDK alone, {}"
BRAIN = "{} brain"


class Costs:
    """What was found so far, by name."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._stack = stack
        self.plan = plan
        self.costs: dict[str, list[Cost]] = defaultdict(list)
        self.database_ms: dict[str, list[float]] = defaultdict(list)

    async def system(self, name: str, system: System) -> None:
        """A short and a long run of streams."""
        plan, points = self.plan, []
        for words in (plan.short, plan.long):
            requests = await system.requests(plan.streams, plan.message(words))
            await asyncio.sleep(SETTLED)  # sessions were started
            before, database = system.cpu(), _database(system)
            streams = await load.play(system.port, requests, plan.ramp)
            await asyncio.sleep(SETTLED)
            spent, of_database = system.cpu() - before, _database(system) - database
            load.check(streams, words, name)
            points.append((words, spent / plan.streams))
            if isinstance(system, Server):
                self.database_ms[name].append(of_database / plan.streams * 1e3)
        self.costs[name].append(figures.fit(*points))

    async def brain(self, name: str, server: Server) -> None:
        await server.use(BRAINS[name])
        await self.system(BRAIN.format(name), server)

    async def alone(self, name: str) -> None:
        """The SDK in a process of its own."""
        plan, points = self.plan, []
        for words in (plan.short, plan.long):
            more = [ALONE[name], self._stack.vendor.url, str(plan.streams), plan.message(words), str(plan.ramp)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.alone", *more, cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            if process.returncode:
                raise SystemExit(f"The SDK alone, {name}, ended with {process.returncode}.")
            spent, count = output.split()
            if int(count) != words * plan.streams:
                raise SystemExit(f"The SDK alone, {name}: a stream is not whole.")
            points.append((words, float(spent) / plan.streams))
        self.costs[SDK.format(name)].append(figures.fit(*points))


def _database(system: System) -> float:
    return cpu_seconds(family(system.database)) if isinstance(system, Server) else 0.0


async def measure(stack: Stack, plan: Plan) -> Result:
    """Rounds in which everything takes its turn, after one to warm up."""
    server, other = stack.server(), stack.server("coach-chat", OPENAI_API="chat")
    relay, nginx = stack.relay(), stack.nginx()
    costs = Costs(stack, plan.warming())
    for number in range(plan.rounds + 1):
        if number == 1:
            costs = Costs(stack, plan)
        say(f"cost: {f'round {number} of {plan.rounds}' if number else 'warming up'}")
        await costs.brain("claude", server)
        await costs.system(RELAY, relay)
        if nginx:
            await costs.system(NGINX, nginx)
        await costs.alone("claude")
        for name, at in (("openai, Responses", server), ("openai, Chat Completions", other)):
            await costs.brain(name, at)
            await costs.alone(name)
    say("cost: statements of a turn")
    await server.use("claude")
    told = {words: await statements.of_turns(server, plan, words) for words in (plan.short, plan.long)}
    remembering = stack.server("coach-memory", COACH_CONTEXT="memory.source.Memory", COACH_LIMITS="on")
    await remembering.use("claude")
    with_memory = await statements.of_turns(remembering, plan, plan.short)
    medians = {name: figures.median(found) for name, found in costs.costs.items()}
    database = {name: middle(found) for name, found in costs.database_ms.items()}
    return Result(
        rows=[*rows(medians, database), statements.row(told, with_memory, plan)],
        figures={
            "medians": {name: asdict(cost) for name, cost in medians.items()},
            "each": {name: [asdict(cost) for cost in found] for name, found in costs.costs.items()},
            "database_ms_a_turn": database,
            "statements": {f"{words} words": asdict(found) for words, found in told.items()},
            "statements_with_memory_and_limits": asdict(with_memory),
        },
        bars={name: cost.per_token_us for name, cost in medians.items()},
    )


def rows(medians: Mapping[str, Cost], database_ms: Mapping[str, float]) -> list[Row]:
    """The table's lines, from medians by name."""
    ours, relay = medians[BRAIN.format("claude")], medians[RELAY]
    nginx = f"{medians[NGINX].per_token_us:.0f} µs" if NGINX in medians else "not installed"
    alone = medians[SDK.format("claude")]
    share = ours.per_token_us / relay.per_token_us
    found = [
        Row(
            "CPU a token, claude brain",
            f"{ours.per_token_us:.0f} µs = {share:.2f} × relay",
            f"relay {relay.per_token_us:.0f} µs, nginx {nginx}, SDK alone {alone.per_token_us:.0f} µs",
            f"≤ {MOST_A_TOKEN:.0f} µs and ≤ {MOST_OF_RELAY} × relay",
            ours.per_token_us <= MOST_A_TOKEN and share <= MOST_OF_RELAY,
        )
    ]
    for name in ("openai, Responses", "openai, Chat Completions"):
        mine, theirs = medians[BRAIN.format(name)].per_token_us, medians[SDK.format(name)].per_token_us
        measured, beside = f"{mine:.0f} µs = {mine / theirs:.2f} × SDK", f"SDK alone {theirs:.0f} µs"
        reached = mine <= MOST_OF_SDK * theirs
        found.append(Row(f"CPU a token, {name}", measured, beside, f"≤ {MOST_OF_SDK} × SDK alone", reached))
    for name in BRAINS:
        turn = medians[BRAIN.format(name)].per_turn_ms
        beside = f"PostgreSQL's part {database_ms[BRAIN.format(name)]:.1f} ms"
        if name == "claude":
            beside += f"; relay {relay.per_turn_ms:.1f} ms, SDK alone {alone.per_turn_ms:.1f} ms"
        reach = f"≤ {MOST_A_TURN:.0f} ms"
        found.append(Row(f"CPU a turn besides, {name}", f"{turn:.1f} ms", beside, reach, turn <= MOST_A_TURN))
    return found
