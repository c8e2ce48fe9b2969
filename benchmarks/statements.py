"""What turns say to the database: its own log of statements is counted, while turns run and while none does."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import load
from benchmarks.figures import Row
from benchmarks.plan import Plan
from benchmarks.stack import Server

ENTRY = re.compile(r"^bench (\w+) (\d+/\d+) LOG:  (?:execute|statement)", re.MULTILINE)
"""%v, the virtual transaction, tells the transactions apart (PostgreSQL 18, 19.8.3)."""

ROLE = "coach"


@dataclass(frozen=True, slots=True)
class Told:
    """Of one turn."""

    statements: float
    transactions: float


def read(log: str) -> tuple[int, int]:
    """Statements and transactions of the application in a piece of the server's log."""
    found = [transaction for role, transaction in ENTRY.findall(log) if role == ROLE]
    return len(found), len(set(found))


@contextmanager
def _logged(server: Server) -> Iterator[Path]:
    settings = {"log_statement": "all", "log_line_prefix": "bench %u %v "}
    with psycopg.connect(server.where("postgres").conninfo(), autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield server.data / "postgres" / "log"
        finally:
            for name in settings:
                connection.execute(f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf()")


async def of_turns(server: Server, plan: Plan, words: int) -> Told:
    """One turn's share of what `plan.streams` turns of that many words say, less what the worker says anyway."""
    requests = await server.requests(plan.streams, plan.message(words))
    with _logged(server) as log:
        await asyncio.sleep(0.5)
        begun, start = time.monotonic(), log.stat().st_size
        streams = await load.play(server.port, requests, plan.ramp)
        await asyncio.sleep(0.5)
        took, middle = time.monotonic() - begun, log.stat().st_size
        await asyncio.sleep(took)
        text = log.read_bytes()
    load.check(streams, words, "statements")
    busy, idle = (read(part.decode(errors="replace")) for part in (text[start:middle], text[middle:]))
    return Told(*((mine - other) / plan.streams for mine, other in zip(busy, idle, strict=True)))


def row(told: Mapping[int, Told], with_memory: Told, plan: Plan) -> Row:
    """By the words of a reply; and of short ones where limits and memory are on, of users who have no memories."""
    short, long = (told[words] for words in (plan.short, plan.long))
    return Row(
        "statements of a turn; transactions",
        f"{short.statements:.1f}; {short.transactions:.1f}",
        f"with the checkpoints of a reply of {plan.long / plan.rate:.0f} s: {long.statements:.1f}; {long.transactions:.1f}; "
        f"with memory and limits: {with_memory.statements:.1f}; {with_memory.transactions:.1f}",
    )
