"""While an upgrade runs, the old code serves on the new code's schema: the old code's own tests, on a database of the new.

    python -m tests.upgrade

The old code is the commit of deploy/released.toml. Its tests take databases that are there already, by the name of their run: one
for those inside of a process, migrated by this checkout, and a template for the servers that they start, filled by it as well.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402 — after the set-up
from django.db.migrations.loader import MigrationLoader  # noqa: E402
from psycopg import sql  # noqa: E402

from coach_project import postgres  # noqa: E402
from coach_project.launch import BASE_DIR  # noqa: E402
from tests import databases  # noqa: E402
from tests.settings import RUN  # noqa: E402

RELEASED = BASE_DIR / "deploy" / "released.toml"

WORKERS = 2

TESTS = (
    "tests/chat/test_store.py",
    "tests/chat/test_turns.py",
    "tests/chat/test_stream.py",
    "tests/chat/test_branches.py",
    "tests/chat/test_checkpoints.py",
    "tests/chat/test_api.py",
    "tests/chat/test_admin.py",
    "tests/memory/test_facts.py",
    "tests/memory/test_api.py",
    "tests/brains/test_switching.py",
    "tests/personas/test_admin.py",
)
"""What people do all day: turns with the SQL of their hot path, sessions, memory, and the operator's admin."""

PLUGIN = """
import pytest

def pytest_configure():
    from django.db import connection
    operations = type(connection.ops)
    flush = operations.sql_flush
    operations.sql_flush = lambda self, style, tables, *, reset_sequences=False, allow_cascade=False: flush(
        self, style, tables, reset_sequences=reset_sequences, allow_cascade=True
    )

@pytest.fixture(autouse=True, scope="session")
def on_the_new_schema(django_db_setup, django_db_blocker):
    from django.db import connection
    from tests.settings import RUN
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations")
        assert NEW <= {{name for name, in cursor.fetchall()}}
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [RUN + "_template"])
        assert cursor.fetchone()

NEW = {new!r}
"""
"""For the old tests. Between two of its own process the old code empties its tables, to which new ones may refer: no server does
such a thing. And it fails where pytest has made a database of its own, in which the migrations of this code are missing.
"""


def main() -> int:
    commit = tomllib.loads(RELEASED.read_text(encoding="utf-8"))["commit"]
    if subprocess.run(["git", "cat-file", "-e", commit], cwd=BASE_DIR, check=False, capture_output=True).returncode:
        print(f"The history of this clone does not reach to {commit[:7]}: the old code's tests were not run.")  # noqa: T201
        return 0
    share = postgres.hold(settings.COACH_DATA) if settings.EMBEDDED_DATABASE else None
    try:
        databases.drop_of_dead_runs()
        with tempfile.TemporaryDirectory(prefix="coach-upgrade-", dir="/var/tmp") as folder:
            checkout = Path(folder)
            checkout.chmod(0o711)
            unpack(commit, checkout)
            prepare()
            return run(checkout)
    finally:
        databases.drop_all_of(RUN)
        if share:
            share.release()


def unpack(commit: str, folder: Path) -> None:
    archive = subprocess.run(["git", "archive", commit], cwd=BASE_DIR, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    new = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    (folder / "new_schema.py").write_text(PLUGIN.format(new=new), encoding="utf-8")


def prepare() -> None:
    """The databases; those for tests of a process have no rows."""
    databases.drop(databases.copy_of_template().name)
    first, *others = (f"{RUN}_gw{number}" for number in range(WORKERS))
    create(first, "template1")
    environment = {**os.environ, "DATABASE_URL": databases.where().named(first).url()}
    environment["DJANGO_SETTINGS_MODULE"] = "coach_project.settings"
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)
    for name in others:
        create(name, first)


def create(name: str, template: str) -> None:
    with databases.maintenance() as connection:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))


def run(checkout: Path) -> int:
    """The old tests, in the old code's folder; their migrations find nothing to do."""
    url = os.environ.get("DATABASE_URL") or databases.where().url()
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "new_schema",
        "--reuse-db",
        "-n",
        str(WORKERS),
        "--dist",
        "loadgroup",
    ]
    command += ["-m", "not timing", *TESTS]
    return subprocess.run(command, cwd=checkout, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
