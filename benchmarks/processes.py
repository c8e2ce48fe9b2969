"""What processes cost, read from the kernel (Linux): CPU time, memory, threads, open files."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

SCHEDULED = 2
"""CPUCLOCK_SCHED: the kernel's number for the clock of the time that a process ran."""


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    except OSError:
        return found
    return found


def runs(pid: int, module: str) -> bool:
    """Whether a process was started with that word."""
    try:
        return module in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time so far, user and system: the processes' own to the nanosecond, that of their ended children to the tick.

    The clock is the one of clock_getcpuclockid(3); the children's time is in proc(5), stat, fields 16 and 17.
    """
    total = 0.0
    for pid in pids:
        try:
            total += time.clock_gettime(~pid << 3 | SCHEDULED)
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_kb(pids: Iterable[int], *, private: bool = False) -> int:
    """PSS: resident memory, each shared page divided by those who share it (KiB; proc(5), smaps_rollup).

    `private`: without what processes share by intent, as PostgreSQL's buffers, which fill up to their size and stay so.
    """
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended
            continue
        sizes = {
            name: int(rest.split()[0]) for name, found, rest in (line.partition(":") for line in lines[1:]) if found
        }
        total += sizes["Pss"] - (sizes.get("Pss_Shmem", 0) if private else 0)
    return total


def files(pids: Iterable[int]) -> int:
    """Open file descriptors: sockets, pipes and files."""
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
    return total


def threads(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue
    return total


def raise_file_limit() -> None:
    """As many open files as this process may have: each stream takes one or two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
