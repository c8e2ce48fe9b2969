"""Opens many streams at once and reads what they cost: the client's side of a measurement."""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(rb"@(\d+) ")


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream: how many deltas came, whether it ended well, and each delta's delay (ms) since the vendor wrote it."""

    deltas: int
    complete: bool
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What CPU time falls with the number of words: µs a word, and ms for all that a turn costs besides."""

    per_token_us: float
    per_turn_ms: float


async def post(port: int, path: str, body: dict[str, object]) -> bytes:
    """A whole answer's body."""
    reader, writer = await _send(port, path, body)
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


async def _send(port: int, path: str, body: dict[str, object]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return reader, writer


async def start(port: int, count: int) -> list[str]:
    """That many sessions' ids."""
    found = []
    for _ in range(count):
        answer = await post(port, "/chat/start", {"user_id": "benchmark"})
        found.append(str(re.findall(rb"session_[0-9a-f]{32}", answer)[0].decode()))
    return found


async def _listen(port: int, session: str, message: str, delay: float) -> Heard:
    await asyncio.sleep(delay)
    reader, writer = await _send(port, "/chat/stream", {"session_id": session, "message": message})
    delays: list[float] = []
    words, complete, rest = 0, False, b""
    while data := await reader.read(1 << 16):
        now = time.monotonic_ns() // 1000
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            delays += [(now - int(mark)) / 1000 for mark in MARK.findall(line)]
            if line.startswith(b'data: {"token"'):
                words += max(1, line.count(b" ") - 2)
            complete = complete or line.startswith(b'data: {"done": true')
    writer.close()
    return Heard(len(delays) or words, complete, tuple(delays))


async def listen(port: int, sessions: Sequence[str], message: str, ramp: float) -> list[Heard]:
    """One stream for each session, begun over `ramp` seconds, each read to its end."""
    steps = [ramp * number / len(sessions) for number in range(len(sessions))]
    return await asyncio.gather(
        *(_listen(port, each, message, step) for each, step in zip(sessions, steps, strict=True))
    )


def family(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    except OSError:
        return found
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of processes so far: user and system, to the clock tick (proc(5), stat, fields 14 and 15)."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def fit(short: tuple[int, float], long: tuple[int, float]) -> Cost:
    """From (words, CPU seconds a turn) of short and long replies: the slope, and what is left at no words."""
    slope = (long[1] - short[1]) / (long[0] - short[0])
    return Cost(slope * 1e6, (short[1] - slope * short[0]) * 1e3)


def median(costs: Sequence[Cost]) -> Cost:
    """Of each figure by itself."""
    return Cost(statistics.median(c.per_token_us for c in costs), statistics.median(c.per_turn_ms for c in costs))
