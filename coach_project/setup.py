"""`./run` after the installation: database up, migrated, coaches loaded, an admin login; then the process becomes gunicorn.

One process does it all, for every start of Python with Django costs the second start half a second.
"""

from __future__ import annotations

import io
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from coach_project import launch, postgres, signals
from coach_project.launch import BASE_DIR, Launch, Refused
from coach_project.progress import step

LISTENER = "COACH_LISTENER"  # the descriptor of the listening socket, for gunicorn's configuration
LEAST_VERSION = 150_000
LOCK = 0x636F616368  # of two set-ups on one database, the second waits


@dataclass(frozen=True, slots=True)
class Login:
    """`password` is known here alone; the database has its hash."""

    name: str
    password: str


def main() -> None:
    try:
        asked = with_defaults(launch.read())
        if sentence := launch.refusal(asked.auth, [asked.host], asked.lacks):
            raise Refused(sentence)
        listener = launch.listen(asked.host, asked.port)
        signals.leave_on(signal.SIGTERM, signal.SIGHUP)
        share = postgres.hold(asked.data) if asked.embedded else None
        try:
            login = set_up(asked)
            signals.hold_back()
        except BaseException:
            if share:
                share.release()
            raise
    except (Refused, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.stdout.write(greeting(_address(listener), login, asked.admin))
    sys.stdout.flush()
    if share:
        share.survive_exec()
    become_server(listener)


def with_defaults(asked: Launch) -> Launch:
    """What ./run adds where nothing is said: a server that only this machine reaches is open; background work beside it."""
    said = {name for name, value in launch.values().items() if value.strip()}
    if "COACH_AUTH" not in said and launch.is_loopback(asked.host):
        os.environ["COACH_AUTH"] = "open"
    if "COACH_BACKGROUND" not in said:
        os.environ["COACH_BACKGROUND"] = "on"
    return launch.read()


def set_up(asked: Launch) -> Login | None:
    """Migrate, load the coaches, see that there is an admin: the new login if it was made now. Refused."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
    with _database(asked.direct_url):
        django.setup()
    from django.db import OperationalError, connection  # noqa: PLC0415 — settings have to be there first

    try:
        with step("Connecting to the database …"):
            connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            if (version := int(cursor.fetchone()[0])) < LEAST_VERSION:
                raise Refused(f"The database is PostgreSQL {version // 10_000}; it has to be 15 or newer.")
            with step("Waiting for another set-up of this database …"):
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with step("Migrating the database …"):
            migrate()
        if asked.auth != "open":
            _see_walls()
        with step("Loading the coaches …"):
            call_command("personas", "seed", stdout=io.StringIO())
        return admin_login()
    except OperationalError as error:
        raise Refused(f"The database does not answer: {' '.join(str(error).split())}") from None
    finally:
        connection.close()


def _see_walls() -> None:
    """Refused where the roles are missing that callers' transactions take on."""
    from django.db import connection  # noqa: PLC0415

    from identity import walls  # noqa: PLC0415

    with connection.cursor() as cursor:
        if missing := walls.lacking(cursor):
            made = " ".join(f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO the application's role;" for role in missing)
            raise Refused(
                f"The database lacks roles for row-level security. As its administrator: {made} Then migrate again."
            )


def migrate() -> None:
    """Apply the migrations that are missing; to look is much cheaper than the command, which does more than that."""
    from django.db import connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def admin_login() -> Login | None:
    """A superuser with a random password, where there is none yet."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 — a model needs Django set up

    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    login = Login("admin", secrets.token_urlsafe(15))
    users.create_superuser(username=login.name, password=login.password)
    return login


@contextmanager
def _database(url: str) -> Iterator[None]:
    """Settings read inside speak to this database: the direct one, where DATABASE_URL is a PgBouncer."""
    before = os.environ.get("DATABASE_URL")
    if url:
        os.environ["DATABASE_URL"] = url
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("DATABASE_URL", None)
        else:
            os.environ["DATABASE_URL"] = before


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def greeting(address: str, login: Login | None, admin: str) -> str:
    """What ./run prints once: where everything is, and two lines to try in another terminal."""
    json = "-H 'Content-Type: application/json'"
    known = f"{login.name}, password {login.password} (shown only now)" if login else "as shown at the first start"
    return rf"""
Coach   {address}
Docs    {address}/api/docs
Admin   {address}/{admin}/   login: {known}

Try it in another terminal:
  session=$(curl -s {address}/chat/start {json} -d '{{}}' | grep -o 'session_[0-9a-f]\{{32\}}')
  curl -sN {address}/chat/stream {json} -d '{{"session_id": "'$session'", "message": "I want to start running."}}'

Ctrl-C stops it.
"""


def become_server(listener: socket.socket) -> NoReturn:
    """Turn this very process into gunicorn: the one that was started is the one to signal.

    Signals that were held back stay so over exec, until gunicorn hears them.
    """
    listener.set_inheritable(True)
    os.environ[LISTENER] = str(listener.fileno())
    configuration = str(Path(__file__).with_name("server.py"))
    os.chdir(BASE_DIR)
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))  # with -m, SIGUSR2 would start it wrongly
    words = [sys.executable, gunicorn, "--config", configuration, "coach_project.asgi:application"]
    os.execv(sys.executable, words)  # noqa: S606 — no shell is wanted


if __name__ == "__main__":
    main()
