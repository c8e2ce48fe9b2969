"""How log lines look: one JSON object a line for a machine that collects them, or a plain line for a person's terminal.

A JSON line has `time` (UTC, RFC 3339), `level`, `logger`, `message`, and where they are known `request_id`, `turn_id`,
`session_id` and `trace_id`; some have fields of their own. An error is told by its type and the places it came through, not by
its words: they may be a user's.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from gauges import marks, traces

ROOMS = ("coach_project", "brains", "chat", "memory", "personas", "identity", "safety", "gauges")

ENTRIES = ("coach_project.journal", "chat.accounts")
"""A line for each request, one for each turn: in JSON alone, a terminal is for what went wrong."""

FRAMES = 12


class Line(logging.Formatter):
    """A record as a JSON object, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **marks.all_of(),
            **getattr(record, "fields", {}),
        }
        if trace := traces.trace_id():
            line["trace_id"] = trace
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-FRAMES:]
            line["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, default=str)


def configuration(kind: str) -> dict[str, Any]:
    """Django's LOGGING."""
    formatters = {
        "json": {"()": Line},
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    }
    ours = {name: {"level": "INFO", "handlers": ["console"], "propagate": False} for name in ROOMS}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": formatters,
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": kind}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            **ours,
            **{name: {"level": "INFO" if kind == "json" else "WARNING"} for name in ENTRIES},
            # coach_project.errors logs each of these once, with its cause and without what a user wrote.
            "django.request": {"level": "CRITICAL"},
            # chat.worker says once that the database is away, and once that it is back.
            "psycopg.pool": {"level": "ERROR"},
        },
    }
