"""A soak: streams that follow one another, and other requests beside them, for minutes. Does the server stay as it is?

`plan.streams` at once: as one ends, its user's next turn begins. Beside them REQUESTS a second, each sent when it is due,
whether the one before was answered or not, and timed from then. The server is as the product is: memory, background work and
limits are on.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from benchmarks import load, processes
from benchmarks.figures import Row, percentile
from benchmarks.flatness import Growth, Reading, curves, growths, is_short, read
from benchmarks.plan import Plan, Result
from benchmarks.stack import Server, Stack, say

REQUESTS = 20
"""A second, beside the streams."""

MOST_MS, MOST_MS_SHORT = 500.0, 2000.0
"""Of a request, p95; in a short soak, where a hiccup of the machine is more than a twentieth of it."""

TURNS = 5
"""Of a session; then the user begins another, so that sessions stay as long as they are."""

WORDS = "I ran for {minutes} minutes on Tuesday and my sister Mette came along. stub-{count}-{rate}"
"""What users say: there is something to index, to recall and to learn from."""

PATHS = (
    "/chat/sessions?user_id={user}",
    "/chat/sessions/{session}",
    "/memory?user_id={user}",
    "/chat/personas",
    "/brain/health",
    "/health/ready",
)


@dataclass(slots=True)
class Heard:
    """What came of it, as it goes on. `wrong`: what was not as it should be, counted by what it was."""

    turns: int = 0
    times: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    sessions: dict[int, str] = field(default_factory=dict)


class Soak:
    """One server's. Users are new with each soak: what an earlier one left in the database is not theirs."""

    def __init__(self, server: Server, plan: Plan) -> None:
        self._server = server
        self._plan = plan
        self._name = f"soak-{time.time_ns():x}"
        self._over = asyncio.Event()
        self.heard = Heard()
        self.readings: list[Reading] = []

    async def run(self) -> None:
        """Ramp up, then read the server `plan.seconds` long, then let what runs end."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.streams):
                group.create_task(self._talk(number))
            await asyncio.sleep(self._plan.ramp + self._plan.long / self._plan.rate)  # each has ended a turn
            self.heard.turns, self.heard.times = 0, []
            group.create_task(self._ask())
            await self._read()
            self._over.set()

    def user(self, number: int) -> str:
        return f"{self._name}-{number}"

    async def _talk(self, number: int) -> None:
        await asyncio.sleep(self._plan.ramp * number / self._plan.streams)
        while not self._over.is_set():
            begun = await self._post("/chat/start", {"user_id": self.user(number)})
            if found := load.SESSION.search(begun):
                self.heard.sessions[number] = found[0].decode()
                for turn in range(TURNS):
                    if not self._over.is_set():
                        await self._turn(self.heard.sessions[number], turn)
            else:
                await asyncio.sleep(1)  # it stands among the errors; not again at once

    async def _turn(self, session: str, number: int) -> None:
        text = WORDS.format(minutes=20 + number, count=self._plan.long, rate=self._plan.rate)
        asked = load.request("/chat/stream", {"session_id": session, "message": text})
        try:
            (stream,) = await load.play(self._server.port, [asked], 0)
        except (OSError, TimeoutError) as error:
            self.heard.wrong[f"a stream: {type(error).__name__}"] += 1
            return
        self.heard.turns += 1
        if not stream.complete or stream.status != "complete" or len(stream.delays) != self._plan.long:
            self.heard.wrong[f"a stream that ended as {stream.status or 'nothing'}"] += 1

    async def _post(self, path: str, body: dict[str, object]) -> bytes:
        return await self._answer(load.request(path, body), f"POST {path}")

    async def _ask(self) -> None:
        async with asyncio.TaskGroup() as group:
            begun, number = time.monotonic(), 0
            while not self._over.is_set():
                number += 1
                await asyncio.sleep(max(0, begun + number / REQUESTS - time.monotonic()))
                group.create_task(self._look(number, begun + number / REQUESTS))

    async def _look(self, number: int, due: float) -> None:
        who = number * 7 % self._plan.streams
        path = PATHS[number % len(PATHS)].format(user=self.user(who), session=self.heard.sessions.get(who, ""))
        await self._answer(load.look(path), f"GET {PATHS[number % len(PATHS)]}")
        self.heard.times.append((time.monotonic() - due) * 1e3)

    async def _answer(self, asked: bytes, what: str) -> bytes:
        try:
            async with asyncio.timeout(load.PATIENCE):
                status, body = await load.answer(self._server.port, asked)
        except (OSError, TimeoutError, IndexError) as error:
            self.heard.wrong[f"{what}: {type(error).__name__}"] += 1
            return b""
        if status != 200:
            self.heard.wrong[f"{what}: {status}"] += 1
        return body

    async def _read(self) -> None:
        begun, said = time.monotonic(), 0.0
        every = min(2.0, self._plan.seconds / 60)
        while (at := time.monotonic() - begun) < self._plan.seconds:
            self.readings.append(await asyncio.to_thread(read, self._server, at))
            if at - said >= 60:
                said = at
                say(f"soak: {at:.0f} s, {self.heard.turns:,} turns, {self.heard.wrong.total()} errors")
            await asyncio.sleep(every)


async def measure(stack: Stack, plan: Plan) -> Result:
    """One soak."""
    processes.raise_file_limit()
    whole = {"COACH_LIMITS": "on", "COACH_CONTEXT": "memory.source.Memory", "COACH_BACKGROUND": "on"}
    server = stack.server("soak", COACH_MEMORY_DELAY="5", **whole)
    await server.use("claude")
    soak = Soak(server, plan)
    say(f"soak: {plan.streams} streams and {REQUESTS} requests a second, {plan.seconds:.0f} s")
    await soak.run()
    heard, grown = soak.heard, growths(soak.readings)
    if stack.complaints("soak"):
        heard.wrong["a traceback in the server's log"] += stack.complaints("soak")
    figures = {
        "turns": heard.turns,
        "requests": len(heard.times),
        "request_ms": {f"p{share}": percentile(heard.times, share) for share in (50, 95, 99)},
        "wrong": dict(heard.wrong),
        "growth": {each.name: asdict(each) for each in grown},
    }
    return Result(rows(plan, heard, grown), figures, curves=curves(soak.readings))


def rows(plan: Plan, heard: Heard, grown: list[Growth]) -> list[Row]:
    """The table's lines."""
    name = f"a soak of {plan.seconds:.0f} s, {plan.streams} streams and {REQUESTS} requests a second"
    p95, wrong = percentile(heard.times, 95), heard.wrong.total()
    most = MOST_MS_SHORT if is_short(plan.seconds) else MOST_MS
    beside = "; ".join(f"{count} × {what}" for what, count in heard.wrong.most_common(3))
    counted = f"{heard.turns:,} turns and {len(heard.times):,} requests"
    p50 = f"p50 {percentile(heard.times, 50):.0f} ms"
    found = [
        Row(f"{name}: errors", f"{wrong:,}", beside or counted, "0", wrong == 0),
        Row("its requests, p95", f"{p95:.0f} ms", p50, f"< {most:,.0f} ms", p95 < most),
    ]
    return found + [Row(f"its {each.name}", each.told(), each.beside(), each.bound(), each.flat) for each in grown]
