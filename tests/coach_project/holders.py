"""Processes that hold a share in an embedded server, and what can be asked of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import psycopg
from psycopg.rows import TupleRow

from coach_project import postgres, shelf

HOLDER = """
import sys
from pathlib import Path
from coach_project import postgres
share = postgres.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
share.release()
"""

Holder: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[[Path], Holder]


def holding(holder: Holder) -> Holder:
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def leave(holder: Holder) -> None:
    holder.communicate("", timeout=60)
    assert holder.returncode == 0


def connect(data: Path, name: str = "coach", user: str = "coach") -> psycopg.Connection[TupleRow]:
    where = postgres.address(data)
    return psycopg.connect(host=where.host, port=where.port, user=user, dbname=name, autocommit=True)


def keep_a_row(data: Path) -> None:
    with connect(data) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(data: Path) -> object:
    with connect(data) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    return row and row[0]


def postmaster(data: Path) -> int:
    return int((shelf.front(data) / "data" / "postmaster.pid").read_text().split()[0])
