"""A real server for a test: gunicorn with the project's own configuration, as `./run` starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import psycopg
from psycopg.rows import TupleRow

from coach_project.database_url import Where
from coach_project.launch import BASE_DIR, Refused, listen
from tests.databases import ADMIN

GUNICORN = [sys.executable, str(Path(sys.executable).with_name("gunicorn")), "--config", "coach_project/server.py"]


SECRET = re.compile(rf"coach_[0-9a-f]{{16}}_[\w-]{{43}}|eyJ[\w-]+\.eyJ[\w-]+\.|secret-|canary|{ADMIN[1]}")
"""What no log of a server under test may hold: keys, tokens, all that the stub vendor marks, the admin's password."""


class Server:
    """One server and its database; `log` holds all that it has printed.

    At the end of the test a traceback in the log fails it, unless `tracebacks_allowed`.
    """

    def __init__(self, where: Where, log: Path, environment: Mapping[str, str]) -> None:
        self.where = where
        self.log = log
        self.tracebacks_allowed = False
        self.environment = {**os.environ, "DATABASE_URL": where.url(), "WEB_CONCURRENCY": "1", **environment}
        self.environment["DJANGO_SETTINGS_MODULE"] = "coach_project.settings"
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of gunicorn's master, the process to signal."""
        assert self._process is not None
        return self._process.pid

    def database(self) -> psycopg.Connection[TupleRow]:
        """A new connection to the server's database, each statement committed at once."""
        return psycopg.connect(self.where.url(), autocommit=True)

    def start(self) -> None:
        """Start on the port it had before, else on one of the kernel's choice, and wait until it is ready."""
        with self._listener() as listener, self.log.open("ab") as log:
            self._port = listener.getsockname()[1]
            listener.set_inheritable(True)
            environment = {**self.environment, "COACH_LISTENER": str(listener.fileno())}
            self._process = subprocess.Popen(
                [*GUNICORN, "coach_project.asgi:application"],
                cwd=BASE_DIR,
                env=environment,
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
            self._wait_for_its_brain()
        except BaseException:
            self.close()
            raise

    def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout: float = 60) -> int:
        """Signal the master and wait for its end (s); its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, whatever state it is in, and every worker with it."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self.stop(timeout=20)
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL)

    def complaint(self) -> str:
        """What its log holds that no server's log should: a traceback, a key, a password, a vendor's words."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        keys = [value for name, value in self.environment.items() if name.endswith("_KEY") and len(value) >= 8]
        if SECRET.search(text) or any(key in text for key in keys):
            return f"A secret is in this log:\n{text}"
        return text if "Traceback" in text and not self.tracebacks_allowed else ""

    def _listener(self, patience: float = 10) -> socket.socket:
        """The server's port again; between two starts another process may hold it for a moment."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return listen("127.0.0.1", self._port)
            except Refused:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _wait_for_its_brain(self) -> None:
        """A vendor's SDK is imported beside the first requests: for seconds, or many on a busy machine."""
        if self.environment.get("COACH_BRAIN", "config") != "config":
            httpx2.get(f"{self.url}/brain/health", timeout=60)

    def _wait_until_ready(self, patience: float = 180) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            assert self._process is not None
            status = self._process.poll()
            assert status is None, f"The server ended with {status}:\n{self.log.read_text(encoding='utf-8')}"
            try:
                if httpx2.get(f"{self.url}/health/ready", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"The server is not ready after {patience} s:\n{self.log.read_text(encoding='utf-8')}")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
