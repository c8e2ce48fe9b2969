"""Where PostgreSQL is, and the embedded server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Where:
    """How to reach one database."""

    host: str
    port: str
    user: str
    password: str
    name: str
    options: dict[str, str] = field(default_factory=dict)


def parse_url(url: str) -> Where:
    """Read `postgresql://user:password@host:port/name?sslmode=…`; ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("write postgresql://user:password@host:port/name.")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return Where(host, str(parts.port or ""), unquote(parts.username or ""), unquote(parts.password or ""), parts.path.lstrip("/"), options)


def address(data: Path) -> Where:
    return Where(str(data), "", "coach", "", "coach")


def kept_secret(data: Path) -> str:
    path = data / "secret-key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


@contextmanager
def held_for_commands() -> Iterator[None]:
    yield
