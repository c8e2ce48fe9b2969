"""How the server is started: what the environment says about it, and where it may listen.

Read by the processes that come before Django's settings: the set-up, gunicorn's configuration, manage.py.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coach_project.environment import Environment, read_dotenv

BASE_DIR = Path(__file__).resolve().parent.parent

AUTH_MODES = ("open", "token")
LOG_KINDS = ("json", "line")
PATIENCE = 1.5  # seconds


class Refused(Exception):
    """The server can't start like this; the text is one sentence for whoever started it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """`drain`: seconds given to running turns at SIGTERM; `database_url`: empty for the embedded database.

    `background`: the server has a worker of background tasks beside it. `admin`: the first part of its paths. `lacks`: settings
    that a `token` server needs.
    """

    host: str
    port: int
    workers: int
    auth: str
    data: Path
    database_url: str
    direct_url: str
    drain: float
    background: bool
    admin: str
    logs: str
    lacks: tuple[str, ...]

    @property
    def embedded(self) -> bool:
        return not self.database_url


def values() -> dict[str, str]:
    """The environment over the .env file beside manage.py. ImproperlyConfigured where a line of it can't be read."""
    found = dict(os.environ)
    read_dotenv(BASE_DIR / ".env", found)
    return found


def read() -> Launch:
    """The launch that the environment asks for; ImproperlyConfigured with a sentence for each mistyped value."""
    env = Environment(values())
    database_url = env.text("DATABASE_URL")
    host = env.text("HOST", "127.0.0.1")
    needed = ("DJANGO_SECRET_KEY",) if is_loopback(host) else ("DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS")
    launch = Launch(
        host=host,
        port=env.whole("PORT", 5001, least=0, most=65535),
        workers=env.whole("WEB_CONCURRENCY", 2 if database_url else 1, least=1, most=1024),
        auth=(auth := env.one_of("COACH_AUTH", AUTH_MODES, "token")),
        data=(BASE_DIR / env.text("COACH_DATA", ".data")).absolute(),
        database_url=database_url,
        direct_url=env.text("DATABASE_DIRECT_URL", database_url),
        drain=env.seconds("COACH_DRAIN_TIMEOUT", 30, least=0),
        background=env.flag("COACH_BACKGROUND"),
        admin=env.segment("COACH_ADMIN_PATH", "admin"),
        logs=env.one_of("COACH_LOGS", LOG_KINDS, "line" if auth == "open" else "json"),
        lacks=tuple(name for name in needed if not env.text(name)),
    )
    env.complain()
    return launch


def refusal(auth: str, hosts: Iterable[str], lacks: Sequence[str] = ()) -> str | None:
    """Why a server in this mode may not listen on these addresses, as one sentence; None where it may.

    `lacks`: settings that are not set, and that a `token` server needs.
    """
    if auth != "open":
        if not lacks:
            return None
        return (
            f"A server for others (COACH_AUTH=token) needs {' and '.join(lacks)}: set it in the environment, or serve this "
            f"machine alone with COACH_AUTH=open and HOST=127.0.0.1."
        )
    for host in hosts:
        if not is_loopback(host):
            return (
                f"With COACH_AUTH=open anyone who can connect can read every session, so the server listens on a "
                f"loopback address only, and {host or 'every address'} is none: set HOST=127.0.0.1."
            )
    return None


def is_loopback(host: str) -> bool:
    """Whether an address, or every address that a name stands for, is reached from this machine alone."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(host) and _resolves_to_loopback(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _resolves_to_loopback(name: str) -> bool:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(is_loopback(str(address[0])) for *_, address in found)


def listen(host: str, port: int) -> socket.socket:
    """A socket that holds the port from here on, so that of two starts at once one is told; Refused.

    A port that is taken is tried for PATIENCE: a server that was just killed leaves it a moment later.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _bound(host, port)
        except socket.gaierror:
            raise Refused(f"HOST={host} is no address of this machine.") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise Refused(_why_not_bound(error, host, port)) from None
        time.sleep(0.05)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _why_not_bound(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is taken: choose another, for example PORT={port + 1 if port < 65535 else 5002} ./run"
        case errno.EACCES:
            return f"Port {port} is for root alone: choose another, for example PORT=5001 ./run"
        case _:
            return f"HOST={host}, PORT={port}: the server can't listen there ({error.strerror})."
