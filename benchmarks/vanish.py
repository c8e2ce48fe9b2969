"""Clients that vanish all at once: their turns go on to the end, or are stopped if they are asked to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import psycopg

from benchmarks import load, processes
from benchmarks.figures import Row
from benchmarks.plan import Plan, Result
from benchmarks.stack import Server, Stack, say, turns

MOST_SECONDS = 1.0
WORDS = 20

ENDED = """
SELECT t.status, length(m.text) - length(replace(m.text, '@', '')) AS words, count(*)
FROM chat_turn t LEFT JOIN chat_message m ON m.id = t.reply_id
WHERE t.session_id = ANY(%s) GROUP BY t.status, words
"""


@dataclass(frozen=True, slots=True)
class Stopped:
    """`kept`: turns stored as stopped with what was said; `seconds`: from the first request to stop until the vendor's last
    connection was closed; `answered`: until the last request was answered. None where the server has no such path.
    """

    kept: int
    seconds: float | None
    answered: float | None


async def measure(stack: Stack, plan: Plan) -> Result:
    """Rounds; of each count the worst."""
    processes.raise_file_limit()
    server = stack.server()
    await server.use("claude")
    finished, stopped = [], []
    for number in range(1, plan.rounds + 1):
        say(f"vanish: round {number} of {plan.rounds}, turns that go on")
        finished.append(await go_on(stack, server, plan))
        say(f"vanish: round {number} of {plan.rounds}, turns that are stopped")
        stopped.append(await stop(stack, server, plan))
    found = rows(plan.streams, finished, stopped)
    return Result(found, {"finished": finished, "stopped": [asdict(each) for each in stopped]})


async def go_on(stack: Stack, server: Server, plan: Plan) -> int:
    """How many of the turns are stored whole."""
    sessions, streams = await opened(server, plan)
    for stream in streams:
        stream.vanish()
    await asyncio.sleep(1)  # the server knows that they are gone
    await stack.vendor.release()
    ended = await settled(server, sessions)
    return ended.get(("complete", WORDS), 0)


async def stop(stack: Stack, server: Server, plan: Plan) -> Stopped:
    sessions, streams = await opened(server, plan)
    for stream in streams:
        stream.vanish()
    begun = time.monotonic_ns() // 1000
    answers = await asyncio.gather(*(load.post(server.port, f"/chat/turns/{each.turn}/stop", {}) for each in streams))
    answered = time.monotonic_ns() // 1000 - begun
    refused = [status for status, _ in answers if status != 202]
    if refused == [404] * len(streams):
        await stack.vendor.release()
        await settled(server, sessions)
        return Stopped(0, None, None)
    if refused:
        raise SystemExit(f"{len(refused)} of {len(streams)} requests to stop were refused: {refused[0]}")
    ended = await settled(server, sessions)
    count = await stack.vendor.count()
    if count["running"]:
        raise SystemExit(f"{count['running']} of the vendor's connections stay open.")
    return Stopped(ended.get(("stopped", 1), 0), (count["last_cut"] - begun) / 1e6, answered / 1e6)


async def opened(server: Server, plan: Plan) -> tuple[list[str], list[load.Stream]]:
    """Sessions, each with a client that has had the first word of its reply; the vendor waits before the next one."""
    sessions = await load.start(server.port, plan.streams)
    asked = turns(sessions, f"stub-{WORDS}-{plan.rate}-hold")
    streams = await load.hold(server.port, asked, plan.ramp)
    if any(stream.ended.done() or not stream.turn for stream in streams):
        raise SystemExit("A stream has ended by itself.")
    return sessions, streams


async def settled(server: Server, sessions: Sequence[str]) -> dict[tuple[str, int], int]:
    """How many turns ended as what, with how many words, when none runs any more."""
    ids = [UUID(hex=session.partition("_")[2]) for session in sessions]
    deadline = time.monotonic() + load.PATIENCE
    while time.monotonic() < deadline:
        with psycopg.connect(server.where().conninfo()) as connection:
            ended = {(status, words or 0): count for status, words, count in connection.execute(ENDED, [ids])}
        if not any(status == "running" for status, _ in ended):
            return ended
        await asyncio.sleep(0.25)
    raise SystemExit("Turns run on and on.")


def rows(streams: int, finished: Sequence[int], stopped: Sequence[Stopped]) -> list[Row]:
    """The table's lines."""
    least, name = min(finished), f"{streams:,} clients vanish at once"
    first = Row(f"{name}: turns stored whole", f"{least:,}", "", "all", least == streams)
    stop = f"{name}, each turn stopped: the vendor's connections are closed within"
    seconds = [each.seconds for each in stopped if each.seconds is not None]
    answered = [each.answered for each in stopped if each.answered is not None]
    if not seconds:
        return [first, Row(stop, "not measured: this server has no way to stop a turn")]
    kept = min(each.kept for each in stopped)
    beside = f"the last stop answered after {max(answered):.2f} s; {kept:,} stored as stopped"
    reached = max(seconds) <= MOST_SECONDS and kept == streams
    return [first, Row(stop, f"{max(seconds):.2f} s", beside, f"≤ {MOST_SECONDS:.0f} s", reached)]
