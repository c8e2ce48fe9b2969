"""What a person who waits is told: one line for each step that takes longer than a second, none for the others."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds of silence


def say(line: str) -> None:
    """One line to the error output, whole and at once: other processes write there too."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextmanager
def step(line: str) -> Iterator[None]:
    """Say `line` if what is done inside takes longer than PATIENCE."""
    timer = threading.Timer(PATIENCE, say, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
