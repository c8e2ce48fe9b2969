"""What is added to the time to the first token: from the client to the vendor, and from the vendor's first word to the client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks import load
from benchmarks.figures import Row, percentile
from benchmarks.plan import Plan, Result
from benchmarks.stack import Stack, say

MOST_OF_NGINX = 8.0
SHARES = (50, 95, 99)


async def measure(stack: Stack, plan: Plan) -> Result:
    """Rounds in which ours, the relay and nginx take turns, after one to warm up."""
    server, relay, nginx = stack.server(), stack.relay(), stack.nginx()
    await server.use("claude")
    first: dict[str, list[list[float]]] = defaultdict(list)
    later: dict[str, list[list[float]]] = defaultdict(list)
    for number in range(plan.rounds + 1):
        say(f"latency: {f'round {number} of {plan.rounds}' if number else 'warming up'}")
        for system in filter(None, (server, relay, nginx)):
            now = plan if number else plan.warming()
            requests = await system.requests(now.streams, now.message(now.long))
            streams = await load.play(system.port, requests, now.ramp)
            load.check(streams, plan.long, system.name)
            if number:
                first[system.name].append([one.added / 1e3 for one in streams if one.added is not None])
                later[system.name].append([delay / 1e3 for one in streams for delay in one.delays[1:]])
    figures = {
        "added_to_first_token_ms": {name: _shares(found) for name, found in first.items()},
        "token_delay_ms": {name: _shares(found) for name, found in later.items()},
    }
    return Result(rows(figures["added_to_first_token_ms"], figures["token_delay_ms"], plan.streams), figures)


def _shares(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Of each percentile the median of the rounds."""
    return {f"p{share}": median(percentile(each, share) for each in rounds) for share in SHARES}


def rows(first: Mapping[str, Mapping[str, float]], later: Mapping[str, Mapping[str, float]], streams: int) -> list[Row]:
    """The table's lines, from percentiles by system."""
    found = []
    for name, by_system in (("added to the first token", first), ("a later token's delay", later)):
        ours, relay, nginx = by_system["coach"]["p99"], by_system["relay"]["p99"], by_system.get("nginx")
        measured, beside = f"{ours:.1f} ms (p50 {by_system['coach']['p50']:.1f})", f"relay {relay:.1f} ms, nginx "
        reach, reached = "", None
        if nginx:
            measured += f" = {ours / nginx['p99']:.1f} × nginx"
        if by_system is first:
            reach = f"≤ {MOST_OF_NGINX:.0f} × nginx"
            reached = ours <= MOST_OF_NGINX * nginx["p99"] if nginx else None
        beside += f"{nginx['p99']:.1f} ms" if nginx else "not installed"
        found.append(Row(f"{name}, {streams} streams, p99", measured, beside, reach, reached))
    return found
