"""The one rendering of errors, for both rooms: JSON, whatever went wrong."""

from __future__ import annotations

import json
import logging
import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from brains.errors import where
from chat.bodies import as_problem
from gauges import metrics
from problems import Forbidden, Internal, Invalid, NotFound, Problem

logger = logging.getLogger(__name__)


def problem_of(error: BaseException, method: str, path: str) -> Problem:
    """What the caller is told; what nobody expected is logged, once."""
    problem = as_problem(error)
    if problem is None:
        logger.error("%s %s: unexpected %s", method, path, where(error))
        return Internal()
    if problem.status >= 500 and error is not problem:
        logger.error("%s %s: %s, from %s", method, path, problem.code, type(error).__name__)
    return problem


def body_of(problem: Problem) -> bytes:
    """Each is told once, and counted where it is."""
    metrics.PROBLEMS.labels(problem.code).inc()
    return json.dumps(problem.body()).encode()


def response_of(problem: Problem) -> HttpResponse:
    return HttpResponse(
        body_of(problem), status=problem.status, content_type="application/json", headers=problem.headers()
    )


class ErrorsAsJSON:
    """Django middleware: exceptions of views, and what other middleware refused, as JSON."""

    def __init__(self, get_response: object) -> None:
        assert callable(get_response)  # noqa: S101 — Django's contract, told to the type checker
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self._get_response(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        return response_of(problem_of(exception, str(request.method), request.path))


def not_found(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """The view behind all others, and Django's handler404."""
    return response_of(NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response_of(Invalid("The request is not valid."))


def forbidden(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """Also Django's CSRF failure."""
    from_csrf = "The form's token is missing or old; load the page again." if "reason" in kwargs else ""
    return response_of(Forbidden(from_csrf))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what broke outside of a view."""
    error = sys.exc_info()[1]
    return response_of(problem_of(error, str(request.method), request.path) if error else Internal())
