"""The folder in which the workers of one server count: prometheus_client's multiprocess mode, a file for each worker and kind.

The master makes it before it starts workers, and takes it away when it ends. prometheus_client looks at the environment when it
is imported, so nothing here imports it sooner than it is needed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"

MEMORY = "/dev/shm"  # noqa: S108  # a folder of our own is made in it  # nosec B108
"""Where there is one: a file on a disk makes whoever writes to it wait while its page goes there, and that is an event loop."""

GONE = 0
"""Stands for the process id of all workers that have ended: what they counted stays counted."""


def make() -> None:
    """A new folder for this process and those that it starts."""
    own = os.environ.get("TMPDIR") or not os.access(MEMORY, os.W_OK)
    os.environ[NAME] = tempfile.mkdtemp(prefix="coach-metrics-", dir=None if own else MEMORY)


def remove() -> None:
    """The end of it."""
    if name := os.environ.pop(NAME, ""):
        shutil.rmtree(name, ignore_errors=True)


def path() -> Path | None:
    """None where each process counts for itself: a command, or a server that was started in another way."""
    return Path(os.environ[NAME]) if NAME in os.environ else None


@contextmanager
def held(folder: Path, how: int) -> Iterator[None]:
    """Keep others (fcntl.LOCK_EX) or those who change it (fcntl.LOCK_SH) from the folder."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)


def leave(pid: int) -> None:
    """A worker has ended: its gauges go, what it counted goes to what all the others did that are gone."""
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 — see above
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    folder = path()
    if folder is None or not folder.is_dir():
        return
    with held(folder, fcntl.LOCK_EX):
        mark_process_dead(pid, str(folder))
        for kind in ("counter", "histogram"):
            left = folder / f"{kind}_{pid}.db"
            if not left.exists():
                continue
            sums = MmapedDict(str(folder / f"{kind}_{GONE}.db"))
            for key, value, *_ in MmapedDict.read_all_values_from_file(str(left)):
                sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
            sums.close()
            left.unlink()
