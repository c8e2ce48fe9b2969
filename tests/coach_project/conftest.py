"""What the tests of the embedded server share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coach_project.launch import BASE_DIR
from tests.coach_project.holders import HOLDER, Holder, Start


@pytest.fixture
def data(area: Path) -> Path:
    return area / "data"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that holds a share until its input ends."""
    started: list[Holder] = []

    def begin(data: Path) -> Holder:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(data)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(holder)
        return holder

    yield begin
    for holder in started:
        holder.kill()
        holder.communicate()
