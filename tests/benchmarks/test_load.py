"""The measuring stick itself: its arithmetic, and that the stub is what the SDKs take for a vendor."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks import load
from benchmarks.__main__ import ROOT, free_port, running, wait_for


@pytest.fixture(scope="module")
def stub() -> Iterator[int]:
    port = free_port()
    with running([sys.executable, "-m", "benchmarks.vendor", str(port)], {}):
        wait_for(port)
        yield port


@pytest.mark.parametrize("kind", ["claude", "openai"])
def test_the_sdks_hear_every_delta_of_the_stub(stub: int, kind: str) -> None:
    arguments = [kind, f"http://127.0.0.1:{stub}", "3", "stub-7-0", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alone", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    spent, count = done.stdout.split()
    assert float(spent) > 0
    assert int(count) == 3 * 7


def test_a_cost_is_a_slope_and_what_is_left() -> None:
    cost = load.fit((5, 0.0025), (65, 0.0085))
    assert cost.per_token_us == pytest.approx(100)
    assert cost.per_turn_ms == pytest.approx(2)


def test_the_median_is_of_each_figure() -> None:
    costs = [load.Cost(1, 30), load.Cost(2, 10), load.Cost(9, 20)]
    assert load.median(costs) == load.Cost(2, 20)


def test_cpu_time_counts_a_process_and_its_children() -> None:
    before = load.cpu_seconds(load.family(os.getpid()))
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert load.cpu_seconds(load.family(os.getpid())) - before >= 0.05
