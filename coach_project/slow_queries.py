"""Django's own statements that take long, told as those of the turns are (gauges.slow): by what they do to which table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from gauges import slow

TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"(\w+)"')
VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b")


def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Django's signal connection_created. A wrapper that is made once may connect many times."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, parameters: Any, many: bool, context: Any) -> Any:
    began = time.monotonic()
    try:
        return execute(sql, parameters, many, context)
    finally:
        took = time.monotonic() - began
        if slow.is_slow(took):
            slow.tell(named(str(sql)), took)


def named(sql: str) -> str:
    """`orm SELECT chat_session`."""
    verb, table = VERB.match(sql), TABLE.search(sql)
    return f"orm {verb[1]} {table[1]}" if verb and table else "orm other"
