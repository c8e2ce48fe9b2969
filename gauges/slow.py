"""Statements that take long: counted, and told by name, never with their values."""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gauges import metrics

logger = logging.getLogger(__name__)

OURS = ("brains", "chat", "coach_project", "identity", "memory", "personas", "safety")

_limit = 0.5


def tell_from(seconds: float) -> None:
    """What is long."""
    global _limit
    _limit = seconds


@contextmanager
def timed(statement: str) -> Iterator[None]:
    """While a statement of our own modules runs."""
    began = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - began
        if took >= _limit:
            tell(name_of(statement), took)


def is_slow(seconds: float) -> bool:
    return seconds >= _limit


def tell(name: str, seconds: float) -> None:
    metrics.SLOW_STATEMENTS.labels(name).inc()
    logger.warning("the statement %s took %d ms", name, seconds * 1000)


@functools.lru_cache(maxsize=256)
def name_of(statement: str) -> str:
    """The constant that holds it, as `chat.statements.SCENE`. Looked up once it is slow: nobody has to register statements."""
    for module in list(sys.modules.values()):
        where = getattr(module, "__name__", "")
        if where.partition(".")[0] in OURS:
            for name, value in list(vars(module).items()):
                if name.isupper() and isinstance(value, str) and value == statement:
                    return f"{where}.{name}"
    return "unnamed"
