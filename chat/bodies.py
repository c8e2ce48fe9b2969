"""Request bodies: strict JSON in, and DRF's refusals told as our own errors."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import psycopg
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import Http404
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from chat.pool import NOT_MIGRATED
from problems import (
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    UnsupportedMediaType,
)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; Invalid for anything else.

    Refused beside bad syntax: NaN and the infinities (not JSON, RFC 8259; to Python 1e999 is one of them), NUL (PostgreSQL
    stores none), lone surrogates (no UTF-8 has them), nesting deeper than the parser's stack.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Invalid("The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise Invalid("The body is nested too deeply.") from error
    except ValueError as error:
        raise Invalid("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    fields = {name if _storable(name) else "?": [UNSTORABLE] for name, part in value.items() if not _clean(name, part)}
    if fields:
        raise Invalid(fields=fields)
    return value


UNSTORABLE = "This holds a NUL, half of a surrogate pair or a number that is too large, or is nested too deeply."


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _clean(name: str, value: object, depth: int = 0) -> bool:
    if depth > 20 or not _storable(name):
        return False
    match value:
        case str():
            return _storable(value)
        case float():
            return math.isfinite(value)
        case list():
            return all(_clean("", part, depth + 1) for part in value)
        case dict():
            return all(_clean(key, part, depth + 1) for key, part in value.items())
        case _:
            return True


class StrictJSONParser(BaseParser):
    """DRF's way to `parse_object`."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return parse_object(stream.read())


class JSONWhateverIsAccepted(BaseContentNegotiation):
    """Every Accept header gets what the view has: many stream clients send `text/event-stream` on every call."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> NoReturn:
    """DRF's hook: raise what rendering knows. Everything else goes up as it is."""
    if isinstance(error, exceptions.MethodNotAllowed):
        raise MethodNotAllowed(context["view"].allowed_methods) from error
    problem = as_problem(error)
    raise error if problem is error or problem is None else problem from error


_MEANINGS: tuple[tuple[type[BaseException], type[Problem]], ...] = (
    (exceptions.UnsupportedMediaType, UnsupportedMediaType),
    (exceptions.NotAuthenticated, Forbidden),
    (exceptions.AuthenticationFailed, Forbidden),
    (exceptions.PermissionDenied, Forbidden),
    (PermissionDenied, Forbidden),
    (Http404, NotFound),
    (exceptions.NotFound, NotFound),
    (RequestDataTooBig, TooLarge),
    (SuspiciousOperation, Invalid),
    (BadRequest, Invalid),
)


def as_problem(error: BaseException) -> Problem | None:
    """What a caller is told of a library's exception; None for one that nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return Invalid(fields=_sentences(error.detail))
    if isinstance(error, exceptions.ParseError | exceptions.NotAcceptable):
        return Invalid(str(error.detail))
    for theirs, ours in _MEANINGS:
        if isinstance(error, theirs):
            return ours()
    return _database_problem(error)


def _database_problem(error: BaseException) -> Problem | None:
    match error:
        case ProgrammingError(__cause__=psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn()):
            return DatabaseUnavailable(NOT_MIGRATED)
        case OperationalError() | InterfaceError() | PoolTimeout():
            return DatabaseUnavailable()
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return DatabaseUnavailable()
        case _:
            return None


def _sentences(detail: Any, name: str = "body") -> dict[str, list[str]]:
    """DRF's nested details, flat: `{"metadata.colour": ["…"]}`."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            inner = str(key) if name == "body" else f"{name}.{key}"
            flat.update(_sentences(value, inner))
        return flat
    return {name: [str(part) for part in (detail if isinstance(detail, list) else [detail])]}
