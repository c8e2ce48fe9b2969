"""The OPTIONS of a brain's settings entry, read with types. An option that nobody reads is a mistake, and said."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from brains.errors import BrainMisconfigured


class Options:
    """Each reader raises BrainMisconfigured for a value that it cannot use; `finish` does for options never read."""

    def __init__(self, alias: str, values: Mapping[str, object]) -> None:
        self._alias = alias
        self._values = values
        self._read = {"context_tokens"}  # the prompt's own bound: whoever composes prompts reads it

    def text(self, name: str, default: str = "") -> str:
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return value or default

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise BrainMisconfigured(f"The brain {self._alias} needs its option {name}.")
        return value

    def url(self, name: str) -> str | None:
        """An http address, or None where the option is empty."""
        value = self.text(name)
        try:
            parts = urlsplit(value)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if value and not fine:
            raise self._wrong(name, "an address such as https://host/path")
        return value or None

    def one_of(self, name: str, choices: tuple[str, ...], default: str = "") -> str:
        value = self.text(name, default)
        if value and value not in choices:
            raise self._wrong(name, " or ".join(choices))
        return value

    def number(self, name: str, default: float, *, least: float = 0) -> float:
        value = self._take(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
            raise self._wrong(name, f"a number from {least:g} up")
        return value

    def finish(self) -> None:
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            raise BrainMisconfigured(f"The brain {self._alias} has no option {', '.join(unknown)}.")

    def _take(self, name: str, default: object) -> object:
        self._read.add(name)
        return self._values.get(name, default)

    def _wrong(self, name: str, what: str) -> BrainMisconfigured:
        return BrainMisconfigured(f"The brain {self._alias}: its option {name} takes {what}.")
