"""Where a PostgreSQL is: the value, and how it is read from and written as a URL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from psycopg.conninfo import make_conninfo

FORM = "write postgresql://user:password@host:port/name."


@dataclass(frozen=True, slots=True)
class Where:
    """How to reach one database. `host` may be the folder of a Unix socket; an empty field is libpq's default.

    `options` are libpq's connection parameters (`sslmode`, `target_session_attrs`, …).
    """

    host: str
    port: str
    user: str
    password: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> Where:
        """Another database of the same server."""
        return replace(self, name=name)

    def conninfo(self) -> str:
        """The connection string that libpq reads; it holds the password."""
        fields = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        given = {key: value for key, value in fields.items() if value}
        return make_conninfo("", dbname=self.name, **given, **self.options)

    def url(self) -> str:
        """The URL that parse_url reads back; it holds the password."""
        login = quote(self.user, safe="")
        if self.password:
            login += ":" + quote(self.password, safe="")
        options = {**self.options, "host": self.host} if self.host.startswith("/") else self.options
        host = "" if self.host.startswith("/") else f"[{self.host}]" if ":" in self.host else self.host
        if self.port and not host:
            options = {**options, "port": self.port}
        place = (login + "@" if login else "") + host + (f":{self.port}" if self.port and host else "")
        query = "?" + urlencode(options, quote_via=quote) if options else ""
        return f"postgresql://{place}/{quote(self.name, safe='')}{query}"


def parse_url(url: str) -> Where:
    """Read `postgresql://user:password@host:port/name?sslmode=…`, libpq's own form (PostgreSQL 18, 32.1.1.2).

    ValueError with a sentence, which never repeats the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(FORM) from None
    if parts.scheme not in ("postgres", "postgresql") or parts.fragment:
        raise ValueError(FORM)
    login, _, place = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    host, port = _host_and_port(place)
    name = unquote(parts.path.removeprefix("/")) or options.pop("dbname", "")
    if not name or "/" in parts.path[1:]:
        raise ValueError(f"it names no database; {FORM}")
    return Where(
        options.pop("host", "") or unquote(host),
        _checked_port(options.pop("port", "") or port),
        unquote(user) or options.pop("user", ""),
        unquote(password) or options.pop("password", ""),
        name,
        options,
    )


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def _checked_port(port: str) -> str:
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("its port is a number from 1 to 65535.")
    return port
