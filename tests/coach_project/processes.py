"""Processes as the tests see them: found, waited for, killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from coach_project import shelf


def until(is_so: Callable[[], bool], patience: float = 180) -> None:
    """Wait for it; a failure after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    return [below for child in children(pid) for below in (child, *descendants(child))]


def of_database(data: Path) -> list[int]:
    """Every process of this data folder's server: those that have its lock open."""
    lock = str((shelf.front(data) / "server.lock").resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.readlink(opened) == lock for opened in (entry / "fd").iterdir()):
                found.append(int(entry.name))
    return found


def kill(pids: Iterable[int]) -> None:
    """Kill -9 each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
