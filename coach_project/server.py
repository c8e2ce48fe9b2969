"""gunicorn's configuration: `gunicorn --config coach_project/server.py coach_project.asgi:application`.

`./run` comes here by exec, with the listening socket and its share in the embedded database in hand. Its names are
gunicorn's settings and hooks (docs.gunicorn.org/en/stable/settings.html).
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger

from coach_project import background, launch, postgres, signals
from coach_project.logs import Line
from gauges import folder

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.gasgi import ASGIWorker

try:
    _asked = launch.read()
except ImproperlyConfigured as error:
    sys.exit(str(error))

# After SIGUSR2 the new master gets the sockets from gunicorn itself; our descriptor's number means nothing there.
if "GUNICORN_FD" in os.environ:
    os.environ.pop("COACH_LISTENER", None)
_listener = os.environ.get("COACH_LISTENER", "")
_host = f"[{_asked.host}]" if ":" in _asked.host else _asked.host

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coach_project.settings")
os.environ["COACH_SERVING"] = "1"

bind = f"fd://{_listener}" if _listener else f"{_host}:{_asked.port}"
workers = _asked.workers
worker_class = "asgi"
worker_connections = 100_000
backlog = 4096
timeout = 60
graceful_timeout = int(_asked.drain) + 10
keepalive = 5
control_socket_disable = True
loglevel = "warning"
errorlog = "-"


class JSONLogger(Logger):  # type: ignore[misc]  # without types
    """gunicorn's own lines in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Line())


logger_class = JSONLogger if _asked.logs == "json" else Logger

_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 1_048_576 if _hard == resource.RLIM_INFINITY else min(_hard, 1_048_576)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

signals.hold_over_forks()

FAREWELL = 2.0
"""s after the last answer of a server that stops, for what is still in sockets; then connections that ask nothing go with it."""

_share: postgres.Hold | None = None
_beside: background.Beside | None = None


def on_starting(server: Arbiter) -> None:
    """Refuse an address that the mode does not allow; have the embedded database running."""
    global _share
    _allow([_host_of(address) for address in server.cfg.address])
    folder.make()
    if _asked.embedded and _share is None:
        try:
            _share = postgres.adopt(_asked.data) or postgres.hold(_asked.data)
        except launch.Refused as error:
            sys.exit(str(error))


def when_ready(server: Arbiter) -> None:
    """Look again at what is really bound, also by a socket unit, before a worker accepts anything; begin background work."""
    global _beside
    _allow([_name(listener.sock.getsockname()) for listener in server.LISTENERS])
    signals.let_through()
    if _asked.background and _beside is None:
        _beside = background.start()


on_reload = when_ready


def post_worker_init(worker: ASGIWorker) -> None:
    """Start the turns' own clock at SIGTERM; and give the listeners back their backlog, which the event loop makes 100."""
    draining: asyncio.Task[None] | None = None

    def drained(_: asyncio.Task[None]) -> None:
        worker.nr_conns -= 1
        worker.loop.call_later(FAREWELL, part)

    def part() -> None:
        # gunicorn would wait for an idle connection as long as for a busy one.
        worker.nr_conns = 0

    def stop() -> None:
        nonlocal draining
        worker.handle_exit_signal()
        begun: asyncio.Task[None] | None = worker.asgi.begin_drain()
        if begun and begun is not draining:
            # gunicorn waits for connections, and gives what comes after them 30 s: turns that nobody follows would be cut there.
            draining = begun
            worker.nr_conns += 1
            begun.add_done_callback(drained)

    worker.loop.add_signal_handler(signal.SIGTERM, stop)

    def deepen() -> None:
        if worker.alive and not worker.servers:
            worker.loop.call_later(0.02, deepen)
        for listener in worker.sockets if worker.alive and worker.servers else ():
            listener.sock.listen(backlog)

    worker.loop.call_soon(deepen)
    worker.loop.call_soon(signals.let_through)


def pre_exec(server: Arbiter) -> None:
    """A new master, which SIGUSR2 makes by fork and exec, holds nothing back."""
    signals.let_through()


def worker_exit(server: Arbiter, worker: ASGIWorker) -> None:
    """A worker has a copy of the share: after a kill -9 of the master, the last worker stops the database."""
    if _share and worker.pid == os.getpid():
        _share.release()


def child_exit(server: Arbiter, worker: ASGIWorker) -> None:
    """In the master: what the worker counted stays counted."""
    folder.leave(worker.pid)


def on_exit(server: Arbiter) -> None:
    folder.remove()
    if _beside:
        background.stop(_beside)
    if _share:
        _share.release()


def _allow(hosts: list[str]) -> None:
    if sentence := launch.refusal(_asked.auth, hosts, _asked.lacks):
        sys.exit(sentence)


def _host_of(address: tuple[str, int] | str | int) -> str:
    """The host of an address as gunicorn has it: a pair, a Unix socket's path or a descriptor."""
    match address:
        case int(number):
            with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as copy:
                return _name(copy.getsockname())
        case _:
            return _name(address)


def _name(address: tuple[str, int] | str) -> str:
    return address[0] if isinstance(address, tuple) else f"unix:{address}"
