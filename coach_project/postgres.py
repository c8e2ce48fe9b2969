"""The embedded PostgreSQL: many processes share one server, the first one in starts it, the last one out stops it.

A process holds a share of it (`hold`), a lock that the kernel frees however the process ends. After a kill -9 of them
all the server lives on, or died with them; either way the next process finds the rows.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from coach_project import cluster, launch, signals
from coach_project.database_url import Where, parse_url
from coach_project.launch import Refused
from coach_project.placing import make_data_folder, settle, socket_folder
from coach_project.progress import say, step

__all__ = ["Hold", "Where", "address", "adopt", "held_for_commands", "hold", "kept_secret", "parse_url"]

INHERITED = "COACH_HOLD"  # the descriptor of a share that came over exec
LOCK_PATIENCE = 150.0  # seconds: another process may be starting or stopping the server meanwhile
NO_DATABASE = {"help", "version", "diffsettings", "startapp", "--help", "-h", "--version"}


def address(data: Path) -> Where:
    """How the application reaches the embedded server of this data folder."""
    return Where(str(socket_folder(data)), cluster.PORT, cluster.ROLE, "", cluster.DATABASE)


def kept_secret(data: Path) -> str:
    """Django's secret key of this data folder, made at its first use; of several makers the first one wins."""
    make_data_folder(data)
    path = data / "secret-key"
    if not path.exists():
        fresh = data / f"secret-key.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50), encoding="ascii")
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text(encoding="ascii")


@dataclass(slots=True)
class Hold:
    """A share in the running server, of this process and of those that it forks or becomes."""

    data: Path
    lock: int

    def survive_exec(self) -> None:
        """Let the program that this process becomes `adopt` the share."""
        os.set_inheritable(self.lock, True)
        os.environ[INHERITED] = str(self.lock)

    def release(self) -> None:
        """Give the share up; stop the server if it was the last."""
        os.close(self.lock)
        with _starting(self.data):
            _stop_if_unused(self.data)


def hold(data: Path) -> Hold:
    """Take a share, and see that the server runs; Refused with a sentence."""
    make_data_folder(data)
    with _starting(data):
        lock = _open_lock(data, "users.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            _bring_up(data)
        except BaseException:
            os.close(lock)
            _stop_if_unused(data)
            raise
    return Hold(data, lock)


def adopt(data: Path) -> Hold | None:
    """The share that this process was given by the one it was before exec, if it is one in this data folder."""
    given = os.environ.get(INHERITED, "")
    if not given.isdigit():
        return None
    try:
        if os.path.samestat(os.fstat(int(given)), (data / "users.lock").stat()):
            return Hold(data, int(given))
    except OSError:
        pass
    return None


@contextmanager
def held_for_commands() -> Iterator[None]:
    """Hold the embedded server while a command of manage.py runs, if that is the database."""
    asked = launch.read()
    command = next((word for word in sys.argv[1:]), "help")
    if not asked.embedded or command in NO_DATABASE:
        yield
        return
    signals.leave_on(signal.SIGTERM, signal.SIGHUP)
    share = hold(asked.data)
    try:
        yield
    finally:
        share.release()


def _bring_up(data: Path) -> None:
    with step("Starting the embedded database …"):
        if not cluster.is_running(data):
            cluster.start(data, settle(data))
        cluster.wait_until_ready(data, socket_folder(data))
        cluster.prepare(data, socket_folder(data))


def _stop_if_unused(data: Path) -> None:
    """Stop the server unless some process has a share in it; only under the start lock."""
    others = _open_lock(data, "users.lock")
    try:
        fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    finally:
        os.close(others)
    if not cluster.stop(data):
        say(f"The embedded database in {data} does not stop; it is left to itself.")


@contextmanager
def _starting(data: Path) -> Iterator[None]:
    """The lock under which the server is started or stopped, never used."""
    lock = _open_lock(data, "start.lock")
    try:
        with step("Waiting for another process that starts or stops the embedded database …"):
            _wait_for(lock, data)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, data: Path) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Refused(
                    f"Another process has been starting or stopping the database in {data} for minutes."
                ) from None
            time.sleep(0.02)
        else:
            return


def _open_lock(data: Path, name: str) -> int:
    lock = os.open(data / name, os.O_RDWR | os.O_CREAT, 0o600)
    if os.geteuid() == 0:  # in another user's folder that user has to be able to open it, too
        found = data.stat()
        os.chown(lock, found.st_uid, found.st_gid)
    return lock
