"""`python -m benchmarks` as a whole, in small: from a new data folder to the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.stack import ROOT


@pytest.fixture
def small(area: Path, clean_environment: dict[str, str]) -> list[str]:
    return [sys.executable, "-m", "benchmarks", "--results", str(area / "results"), "--data", str(area / "data")]


def test_a_part_is_measured_and_its_table_printed_again(
    small: list[str], area: Path, clean_environment: dict[str, str]
) -> None:
    def run(*more: str) -> str:
        done = subprocess.run(
            [*small, *more], cwd=ROOT, env=clean_environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = run("vanish", "--rounds", "1", "--streams", "5", "--rate", "200")
    assert "5 clients vanish at once: turns stored whole" in printed
    part = json.loads((area / "results" / "latest.json").read_text())["parts"]["vanish"]
    assert part["figures"]["finished"] == [5]
    assert part["figures"]["stopped"][0]["kept"] == 5
    assert run("table") == printed


def test_an_unknown_part_is_named(small: list[str], clean_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*small, "costs"], cwd=ROOT, env=clean_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no part costs" in done.stderr
