"""The folder in which workers count together, and what is left of one that has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gauges import folder, metrics
from tests.gauges.conftest import read

COUNT = (
    "from gauges import metrics; metrics.TURNS.labels('config', 'm', 'complete', 'no').inc(3); metrics.RUNNING.set(2)"
)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(folder.NAME, str(tmp_path))
    return tmp_path


def worker() -> int:
    """One that has counted and ended; its process id."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os; {COUNT}; print(os.getpid())"], capture_output=True, check=True
    )
    return int(done.stdout)


def test_workers_that_end_leave_their_counts_in_one_file_each_kind_and_nothing_of_what_is_now(counting: Path) -> None:
    for number in (1, 2, 3):
        pid = worker()
        figures = read(metrics.scraped().decode())
        assert figures["coach_turns_running"][""] == 2
        assert list(figures["coach_turns_total"].values()) == [3 * number]
        folder.leave(pid)
        figures = read(metrics.scraped().decode())
        assert "coach_turns_running" not in figures
        assert list(figures["coach_turns_total"].values()) == [3 * number]
    assert sorted(path.name for path in counting.iterdir()) == ["counter_0.db", "histogram_0.db"]


def test_without_a_folder_a_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(folder.NAME, raising=False)
    assert "coach_turns_orphaned_total" in read(metrics.scraped().decode())
    folder.leave(1)  # nothing to do
