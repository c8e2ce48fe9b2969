"""The databases that a run of the tests makes, beside Django's own: servers under test get a copy of one template."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.rows import TupleRow

from coach_project import postgres
from coach_project.database_url import Where, parse_url
from coach_project.launch import BASE_DIR
from tests.settings import RUN

ADMIN = ("admin", "a-password-for-tests")

FILL = f"""
from coach_project import launch, setup
setup.set_up(launch.read())
from django.contrib.auth import get_user_model
admin = get_user_model().objects.get(username={ADMIN[0]!r})
admin.set_password({ADMIN[1]!r})
admin.save()
"""


def where() -> Where:
    """The server that the tests use, with the database that is there before any test."""
    url = os.environ.get("DATABASE_URL", "")
    return parse_url(url) if url else postgres.address(settings.COACH_DATA)


@contextmanager
def maintenance() -> Iterator[psycopg.Connection[TupleRow]]:
    with psycopg.connect(where().url(), autocommit=True) as connection:
        yield connection


def copy_of_template() -> Where:
    """A new database, migrated and with the coaches and an admin in it."""
    template, name = f"{RUN}_template", f"{RUN}_{secrets.token_hex(4)}"
    with maintenance() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
            fill(where().named(template))
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
    return where().named(name)


HALF_DROPPED = -2
"""As `datconnlimit`: a DROP was interrupted; such a database can only be dropped."""


def drop(name: str) -> None:
    """Drop a database, whoever is in it.

    Not by WITH (FORCE): that asks for a right over an autovacuum worker which only a superuser has, and fails when one is
    at work there. A plain DROP sends such a worker away by itself.
    """
    with maintenance() as connection:
        found = connection.execute("SELECT datconnlimit FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not found:
            return
        if found[0] != HALF_DROPPED:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
            [name],
        )
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def drop_all_of(run: str) -> None:
    """Drop what a run of the tests has made."""
    with maintenance() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [run]).fetchall()
    for (name,) in found:
        drop(name)


def drop_of_dead_runs() -> None:
    """Drop what runs have left that were killed; their names hold the pid of the run."""
    with maintenance() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^coach_test_[0-9]+_'").fetchall()
    for (name,) in found:
        if not os.path.exists(f"/proc/{name.split('_')[2]}"):
            drop(name)


def fill(target: Where) -> None:
    """Make an empty database one that a server can use: migrated, with the coaches and an admin in it."""
    environment = {**os.environ, "DATABASE_URL": target.url(), "DJANGO_SETTINGS_MODULE": "coach_project.settings"}
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
