"""Recall by itself: `python -m benchmarks.memory_alone MESSAGES...`, with the settings of `manage.py`, prints figures as JSON.

Latencies for one user with that many messages each, next to look-ups by primary key; and what is found of the coaching sets.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import django


def main(counts: Sequence[int]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    django.setup()
    from benchmarks import coaching, memory_facts, memory_load  # noqa: PLC0415 — not before Django is there

    found: dict[str, dict[str, object]] = {"latencies": {}, "changed": {}, "prompted": {}}
    for count in counts:
        found["latencies"][str(count)] = memory_load.latencies(count)
    for language in ("en", "nb"):
        for of in coaching.SETS:
            user = memory_facts.told(of, language)
            found["changed"][f"{of} {language}"] = asdict(memory_facts.changed(user, of, language))
        found["prompted"][language] = asdict(memory_facts.prompted(user, language))
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
