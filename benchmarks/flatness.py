"""What a server holds, read again and again; and whether that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import psycopg

from benchmarks import processes
from benchmarks.plan import Curve
from benchmarks.stack import Server

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'coach' AND pid <> pg_backend_pid()"

BACKGROUND = "coach_project.background"

LONG = 300.0
"""s of readings from which a leak can be told from a process that has not come to rest, and a slow server from a busy machine."""


@dataclass(frozen=True, slots=True)
class Reading:
    """At `at` s. MB of the worker, of the process of background tasks, and of the database's processes without its buffers; of
    all of the server's processes open files and threads; connections to the database.
    """

    at: float
    worker_mb: float
    background_mb: float
    database_mb: float
    files: int
    threads: int
    connections: int


@dataclass(frozen=True, slots=True)
class Kind:
    """What is read. It is flat where the last third's median is at most `more` above that of the third before it."""

    name: str
    field: str
    unit: str
    more: float
    """In ten minutes a third has about 2,000 turns and 4,000 requests: 1 KB lost with each would be 6 MB."""

    more_at_first: float
    """In a soak of less than LONG: caches, pools, threads and the allocator's heaps still grow to their size."""


KINDS = (
    Kind("worker's memory", "worker_mb", " MB", more=4, more_at_first=25),
    Kind("background's memory", "background_mb", " MB", more=4, more_at_first=80),  # a vendor's SDK, at its first use
    Kind("database's memory, without its buffers", "database_mb", " MB", more=4, more_at_first=25),
    Kind("server's open files", "files", "", more=4, more_at_first=60),
    Kind("server's threads", "threads", "", more=1, more_at_first=20),
    Kind("connections to the database", "connections", "", more=1, more_at_first=4),
)


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one kind: the medians of the thirds of all readings."""

    name: str
    unit: str
    thirds: tuple[float, float, float]
    more: float

    @property
    def flat(self) -> bool:
        return self.thirds[2] - self.thirds[1] <= self.more

    def told(self) -> str:
        return f"{self._round(self.thirds[1])} → {self._round(self.thirds[2])}{self.unit}"

    def beside(self) -> str:
        return f"{self._round(self.thirds[0])}{self.unit} in the first third"

    def bound(self) -> str:
        return f"≤ {self.more:g}{self.unit} more in the last third than in the second"

    def _round(self, value: float) -> str:
        return f"{value:,.1f}" if self.unit else f"{value:,.0f}"


def read(server: Server, at: float) -> Reading:
    """Now."""
    master, *ours = processes.family(server.roots[0])
    tasks = [pid for pid in ours if processes.runs(pid, BACKGROUND)]
    workers = [pid for pid in ours if pid not in tasks]
    theirs = processes.family(server.database)
    with psycopg.connect(server.where().conninfo()) as connection:
        row = connection.execute(CONNECTIONS).fetchone()
    return Reading(
        at,
        processes.memory_kb(workers) / 1024,
        processes.memory_kb(tasks) / 1024,
        processes.memory_kb(theirs, private=True) / 1024,
        processes.files([master, *ours]),
        processes.threads([master, *ours]),
        int(row[0]) if row else 0,
    )


def is_short(seconds: float) -> bool:
    return seconds < LONG * 0.9


def growths(readings: Sequence[Reading]) -> list[Growth]:
    """Of each kind. ValueError where there are fewer than three readings."""
    if len(readings) < 3:
        raise ValueError("Three readings are needed at least.")
    short = is_short(readings[-1].at)
    found = []
    for kind in KINDS:
        values = [float(getattr(each, kind.field)) for each in readings]
        size = len(values) / 3
        thirds = [median(values[round(size * number) : round(size * (number + 1))]) for number in range(3)]
        more = kind.more_at_first if short else kind.more
        found.append(Growth(kind.name, kind.unit, (thirds[0], thirds[1], thirds[2]), more))
    return found


def curves(readings: Sequence[Reading]) -> list[Curve]:
    """For the picture."""
    return [
        Curve(
            kind.name + (kind.unit and f",{kind.unit}"),
            [(each.at, float(getattr(each, kind.field))) for each in readings],
        )
        for kind in KINDS
    ]
