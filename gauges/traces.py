"""Spans of a trace: a request, the turn that it began, each brain that was asked. Nothing at all unless `begin_with` was called.

A leaf that knows no OpenTelemetry: gauges.otel, an extra, sends what is told here. Never told: what anybody said.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

Value: TypeAlias = str | int | float | bool | list[str]
Kind: TypeAlias = Literal["server", "internal", "client"]


class Telling(Protocol):
    """One span as it is sent."""

    @property
    def trace_id(self) -> str: ...

    def rename(self, name: str) -> None: ...

    def note(self, name: str, value: Value) -> None: ...

    def fail(self, why: str) -> None: ...

    def end(self) -> None: ...


class Teller(Protocol):
    """Begins spans; `parent`, or what the headers of a request say, is what a span belongs to."""

    def tell(self, name: str, kind: Kind, parent: Telling | None, headers: Mapping[str, str]) -> Telling: ...


_teller: Teller | None = None
_current: ContextVar[Telling | None] = ContextVar("span", default=None)


def begin_with(teller: Teller | None) -> None:
    """From now on spans are told to it."""
    global _teller
    _teller = teller


def are_on() -> bool:
    return _teller is not None


def trace_id() -> str:
    """Of the span in whose course this is called; empty where there is none."""
    span = _current.get()
    return span.trace_id if span else ""


class Span:
    """`with Span(…) as span:` — what begins meanwhile belongs to it. Costs next to nothing where traces are off."""

    __slots__ = ("_telling", "_token")

    def __init__(self, name: str, kind: Kind = "internal", headers: Mapping[str, str] | None = None) -> None:
        self._telling = _teller.tell(name, kind, _current.get(), headers or {}) if _teller else None
        self._token: Token[Telling | None] | None = None

    def __enter__(self) -> Self:
        if self._telling:
            self._token = _current.set(self._telling)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._telling:
            if kind and kind is not CancelledError:  # who stops a turn breaks nothing
                self._telling.fail(getattr(error, "code", "") or kind.__name__)
            self._telling.end()
        if self._token:
            _current.reset(self._token)

    def note(self, **values: Value | None) -> Self:
        """Attributes by name, with `__` for a dot; None is left out."""
        _note(self._telling, values)
        return self

    def rename(self, name: str) -> None:
        if self._telling:
            self._telling.rename(name)

    def fail(self, why: str) -> None:
        """It came to nothing; `why` is a code or a status."""
        if self._telling:
            self._telling.fail(why)


def note(**values: Value | None) -> None:
    """As Span.note, of the span in whose course this is called."""
    _note(_current.get(), values)


def fail(why: str) -> None:
    """As Span.fail, of the span in whose course this is called."""
    if telling := _current.get():
        telling.fail(why)


def _note(telling: Telling | None, values: Mapping[str, Value | None]) -> None:
    if telling:
        for name, value in values.items():
            if value is not None:
                telling.note(name.replace("__", "."), value)
