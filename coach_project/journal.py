"""A request's entry: its id, which every answer brings back, its count, its line in the log; never what was asked, or by whom."""

from __future__ import annotations

import functools
import logging
import re
import time
from typing import Self

from django.urls import ResolverMatch

from coach_project import errors
from coach_project.doors import Message, Scope, Send
from gauges import marks, metrics
from gauges.traces import Span, are_on

logger = logging.getLogger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

QUIET = ("/health/live", "/health/ready", "/metrics")
"""Asked by machines every few seconds: told only when something is wrong."""

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Entry:
    """One request, from the door to the end of its answer."""

    __slots__ = ("_began", "_method", "_seconds", "_span", "_status", "_token", "id", "ids", "route")

    def __init__(self, scope: Scope) -> None:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self.id = marks.request_id(given)
        self.ids: dict[str, str] = {}
        self.route = "refused"  # at the door, before anyone looked where it leads
        self._method = scope["method"] if scope["method"] in METHODS else "other"
        self._status = 0
        self._seconds: float | None = None
        self._began = time.monotonic()
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]} if are_on() else {}
        self._span = Span(self._method, "server", said)

    def __enter__(self) -> Self:
        self._token = marks.request.set(self.id)
        self._span.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """The answer is over, or the client gone before it began (status 0)."""
        self._count()
        self._tell()
        self._span.rename(f"{self._method} {self.route}")
        self._span.note(http__request__method=self._method, http__route=self.route, coach__request__id=self.id)
        self._span.note(http__response__status_code=self._status or None)
        if self._status >= 500:
            self._span.fail(str(self._status))
        self._span.__exit__(None, None, None)
        marks.request.reset(self._token)

    def leads_to(self, match: ResolverMatch, path: str) -> None:
        """Where Django's paths have led."""
        if match.func is not errors.not_found:
            self.route = template(match.route)
        else:
            self.route = "/static" if path.startswith("/static/") else "none"

    def sending(self, send: Send) -> Send:
        """`send` that notes how the answer begins, and adds the id. No coroutine of its own: words go through here."""

        def sent(message: Message) -> object:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", self.id.encode())]}
                self._begin(message)
            return send(message)

        return sent  # type: ignore[return-value]  # it gives what `send` gives, to be awaited

    def _begin(self, message: Message) -> None:
        self._status = message["status"]
        self._seconds = time.monotonic() - self._began
        for name, value in message["headers"]:
            if name == b"x-turn-id":
                self.ids["turn_id"] = value.decode("latin-1")
            elif name == b"x-session-id":
                self.ids["session_id"] = value.decode("latin-1")

    def _count(self) -> None:
        metrics.REQUESTS.labels(self._method, self.route, f"{self._status // 100}xx" if self._status else "none").inc()
        if self._seconds is not None:
            metrics.REQUEST_SECONDS.labels(self._method, self.route).observe(self._seconds)

    def _tell(self) -> None:
        if logger.isEnabledFor(logging.INFO) and not (self.route in QUIET and self._status < 400):
            fields = {
                **self.ids,
                "method": self._method,
                "route": self.route,
                "status": self._status,
                "ms": round((time.monotonic() - self._began) * 1000, 1),
            }
            logger.info("%s %s %d", self._method, self.route, self._status, extra={"fields": fields})


@functools.lru_cache(maxsize=1024)
def template(route: str) -> str:
    """A path as the API's description has it: `/chat/turns/{turn_id}`. The admin's pages are one."""
    return "/admin" if route.startswith("admin") else "/" + PARAMETER.sub(r"{\1}", route)
