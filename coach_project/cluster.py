"""One PostgreSQL cluster and its server process: made, started, waited for, stopped. Nothing here counts its users.

Every process of a running server holds `server.lock`, inherited from us: the kernel frees it with the last of them,
however they ended. So a free lock proves a postmaster.pid stale, where a pid alone may mean another process by now.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from coach_project.account import locale_name
from coach_project.launch import Refused
from coach_project.placing import Place
from coach_project.shelf import INSTEAD, SOCKET, front

ROLE = "coach"
LESSER = ("coach_user", "coach_app")
DATABASE = "coach"
PORT = "5432"
PATIENCE = 60.0  # seconds for a start, with what a crash left to recover, and for a stop
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error is logged without the statement and the row that it was about: they hold what users say.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
LOG_LIMIT = 5_000_000  # bytes


def is_running(data: Path) -> bool:
    """Whether any process of this COACH_DATA's server lives."""
    try:
        file = os.open(front(data) / "server.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def wait_until_ready(data: Path, socket_folder: Path) -> None:
    """Wait for a server that some process has started; Refused with the end of its log where it does not come up."""
    if not _wait(lambda: _is_ready(data, socket_folder) or not is_running(data)) or not is_running(data):
        raise Refused(f"The embedded database did not start. The end of {front(data) / 'log'}:\n{_log_tail(data)}")


def start(data: Path, place: Place) -> None:
    """Make the cluster if there is none, and start its server; only where none runs. Refused."""
    if pid := _postmaster(data):
        raise Refused(f"Process {pid} runs a server on {place.cluster} that we did not start: end it first.")
    make(place)
    for stale in (place.cluster / "postmaster.pid", place.socket / SOCKET, place.socket / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
    log = place.folder / "log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".1"))
    settings = {**SETTINGS, "unix_socket_directories": _quoted(place.socket)}
    options: list[str | Path] = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [place.programs / "postgres", "-D", place.cluster, *options]
    lock = os.open(place.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.chown(lock, place.account.uid, place.account.gid)
        fcntl.flock(lock, fcntl.LOCK_SH)
        in_background = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 &'
        place.account.run(["/bin/sh", "-c", in_background, "sh", log, *server], keep=[lock])
    finally:
        os.close(lock)


def make(place: Place) -> None:
    """Make the cluster, or see that the one there is of these programs' version. A killed initdb leaves no cluster."""
    version = place.cluster / "PG_VERSION"
    if version.exists():
        ours = place.account.run([place.programs / "postgres", "--version"]).stdout.split()[-1].partition(".")[0]
        theirs = version.read_text(encoding="ascii").strip()
        if ours != theirs:
            raise Refused(
                f"{place.cluster} was made by PostgreSQL {theirs}, and this is {ours}: move the rows by pg_dump."
            )
        return
    for leftover in place.folder.glob("new-*"):
        shutil.rmtree(leftover)
    fresh = place.folder / f"new-{secrets.token_hex(4)}"
    locale = ["--locale", locale_name(), "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
    made = place.account.with_name().run(
        [place.programs / "initdb", "-D", fresh, "-U", "postgres", "--auth=trust", *locale, "--no-instructions"]
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        why = " ".join(made.stdout.split())[-500:]
        raise Refused(f"The embedded database can't be made here ({why}): {INSTEAD}")
    (fresh / "pg_hba.conf").write_text("local all all trust\n", encoding="ascii")
    fresh.rename(place.cluster)


def prepare(data: Path, socket_folder: Path) -> None:
    """Make the application's role, which is no superuser, its database, and pgvector there and in every new one."""
    done = front(data) / "data" / "coach-prepared-2"
    if done.exists():
        return
    with _superuser(socket_folder, "template1") as template:
        template.execute("CREATE EXTENSION IF NOT EXISTS vector")
        if template.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
            template.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB NOSUPERUSER").format(sql.Identifier(ROLE)))
        for lesser in LESSER:  # identity.walls takes them on for callers
            if template.execute("SELECT FROM pg_roles WHERE rolname = %s", [lesser]).fetchone() is None:
                template.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(lesser)))
            template.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(lesser), sql.Identifier(ROLE)))
        there = template.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    if not there:
        with _superuser(socket_folder, "postgres") as connection:
            names = {"name": sql.Identifier(DATABASE), "role": sql.Identifier(ROLE)}
            connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {role}").format(**names))
    done.touch()


def stop(data: Path) -> bool:
    """End the server, its sessions with it, and wait until its last process is gone; whether it is."""
    pid = _postmaster(data)
    if pid and is_running(data):
        os.kill(pid, signal.SIGINT)
    return _wait(lambda: not is_running(data))


def _superuser(socket_folder: Path, database: str) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(
        host=str(socket_folder), port=PORT, user="postgres", dbname=database, autocommit=True, connect_timeout=10
    )


def _is_ready(data: Path, socket_folder: Path) -> bool:
    """Whether the postmaster says so and its socket answers; line 8 of postmaster.pid is its word (pidfile.h)."""
    try:
        lines = (front(data) / "data" / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(socket_folder / SOCKET))
    except OSError:
        return False
    return True


def _postmaster(data: Path) -> int | None:
    """The pid of the server's first process, where the file that names it is not a dead server's."""
    place = front(data) / "data"
    try:
        pid = int((place / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split()[0])
        os.kill(pid, 0)
        if Path("/proc/self/cmdline").exists():
            return pid if os.fsencode(place.resolve()) in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError, IndexError):
        return None
    return pid


def _quoted(path: Path) -> str:
    doubled = str(path).replace('"', '""')
    return f'"{doubled}"'


def _wait(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _log_tail(data: Path) -> str:
    try:
        return "\n".join((front(data) / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
    except OSError:
        return "(there is none)"
