"""The environment, read once and typed. A mistyped value is one clear sentence, and every sentence is told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""What may sign a user's token. Nothing with a shared secret: whoever can check such a token could make one."""


TAKEN = ("api", "brain", "chat", "health", "login", "logout", "memory", "metrics", "page", "static", "user")
"""The first parts of our own paths."""


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        number = parts.path.strip("/")
        return (
            parts.scheme in ("redis", "rediss")
            and bool(parts.hostname)
            and parts.port != 0
            and (not number or number.isdecimal())
        )
    except ValueError:
        return False


def read_dotenv(path: Path, into: dict[str, str]) -> None:
    """Add `NAME=value` lines of a .env file to `into`; what is there already is never overridden.

    A value may stand in single or double quotes; `export ` before a name and lines of `#` are allowed.
    """
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removeprefix("export ").lstrip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path.name}, line {number}: write NAME=value.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        into.setdefault(name.strip(), value)


class Environment:
    """Typed reads that collect what is wrong; `complain` raises it all as one ImproperlyConfigured."""

    def __init__(self, values: Mapping[str, str] = os.environ) -> None:
        self._values = values
        self._wrong: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, "").strip() or default

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Comma-separated words; none where the name is there without a value."""
        if name not in self._values:
            return default
        return tuple(word.strip() for word in self._values[name].split(",") if word.strip())

    def one_of(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            self._wrong.append(f"{name} is {value!r}; it takes {' or '.join(choices)}.")
            return default
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }
        value = self.text(name)
        if value and value.lower() not in words:
            self._wrong.append(f"{name} is {value!r}; it takes on or off.")
        return words.get(value.lower(), default)

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
        return self._number(name, default, int, "a whole number", least, most)

    def seconds(self, name: str, default: float, *, least: float = 0.01, most: float = 86_400) -> float:
        return self._number(name, default, float, "a number of seconds", least, most)

    def number(self, name: str, default: float, *, least: float = 0, most: float = 1e6) -> float:
        return self._number(name, default, float, "a number", least, most)

    def wrong(self, sentence: str) -> None:
        """Note what another check found."""
        self._wrong.append(sentence)

    def tokens(self, jwks_url: str, issuer: str, audience: str, algorithms: tuple[str, ...]) -> None:
        """Check what the settings of users' tokens say together."""
        told = {"COACH_JWT_JWKS_URL": jwks_url, "COACH_JWT_ISSUER": issuer, "COACH_JWT_AUDIENCE": audience}
        missing = [name for name, value in told.items() if not value]
        if missing and len(missing) < len(told):
            self.wrong(f"Users' tokens need {', '.join(told)}; set {' and '.join(missing)} too.")
        if jwks_url and not _is_private(jwks_url):
            self.wrong("COACH_JWT_JWKS_URL has to begin with https://, or name this machine.")
        if unknown := sorted(set(algorithms) - set(SIGNATURES)):
            self.wrong(f"COACH_JWT_ALGORITHMS names {', '.join(unknown)}; there are {', '.join(SIGNATURES)}.")

    def redis(self, name: str) -> str:
        """The address of a Redis, as redis-py reads it; what is wrong is told without it, for a password may be in it."""
        url = self.text(name)
        if url and not _is_redis(url):
            self.wrong(
                f"{name} is no address of a Redis: write redis://user:password@host:6379/0, or rediss:// for TLS."
            )
            return ""
        return url

    def segment(self, name: str, default: str) -> str:
        """The first part of a path, that nothing else here has."""
        value = self.text(name, default)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value) or value in TAKEN:
            self.wrong(f"{name} is {value!r}; it takes small letters, digits, - and _, and none of {', '.join(TAKEN)}.")
            return default
        return value

    def complain(self) -> None:
        """Raise ImproperlyConfigured with every sentence, if there is any."""
        if self._wrong:
            raise ImproperlyConfigured("\n".join(self._wrong))

    def _number(self, name: str, default: T, kind: Callable[[str], T], what: str, least: float, most: float) -> T:
        value = self.text(name)
        if not value:
            return default
        try:
            number = kind(value)
        except ValueError:
            self._wrong.append(f"{name} is {value!r}; it takes {what}.")
            return default
        if not least <= float(number) <= most:  # type: ignore[arg-type]
            self._wrong.append(f"{name} is {value}; it takes {what} from {least:g} to {most:g}.")
            return default
        return number
