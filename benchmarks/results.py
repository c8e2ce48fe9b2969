"""What was measured, kept as JSON: each part with the day and the machine of its own run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Row
from benchmarks.plan import Plan, Result

FILE = "latest.json"


class Results:
    """The newest run of each part, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.parts: dict[str, dict[str, Any]] = {}
        if self._file.exists():
            self.parts = json.loads(self._file.read_text(encoding="utf-8"))["parts"]

    def add(self, part: str, plan: Plan, result: Result, load_before: float) -> None:
        """In place of an older run of that part. `load_before`: the machine's load average when it began."""
        self.parts[part] = {
            "when": datetime.now(UTC).isoformat(timespec="minutes"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load_average": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)},
            "plan": asdict(plan),
            "rows": [asdict(row) for row in result.rows],
            "figures": _rounded(result.figures),
            "bars": _rounded(result.bars),
        }

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"parts": self.parts}, indent=1) + "\n", encoding="utf-8")

    def rows(self, parts: Iterable[str]) -> list[Row]:
        """The table's lines of these parts, of those that have been measured."""
        return [Row(**row) for part in parts if part in self.parts for row in self.parts[part]["rows"]]

    def bars(self) -> dict[str, float]:
        """CPU a token by name, µs."""
        return {name: value for part in self.parts.values() for name, value in part["bars"].items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
