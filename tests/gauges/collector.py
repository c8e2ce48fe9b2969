"""A collector of traces by OTLP over HTTP, as far as a test needs one: it keeps the spans that it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Kept:
    """A span. `kind` as in OTLP: 1 internal, 2 server, 3 client; `failed`: its status is that of an error."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    service: str
    failed: bool
    events: int


class Collector:
    """Listens on a loopback address from its making to `close`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[Kept]:
        return [span for body in list(self.bodies) for span in _spans(body)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _spans(body: bytes) -> list[Kept]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [
        Kept(
            span.name,
            span.kind,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            {each.key: _value(each.value) for each in span.attributes},
            next(_value(each.value) for each in of.resource.attributes if each.key == "service.name"),
            span.status.code == 2,
            len(span.events),
        )
        for of in request.resource_spans
        for scope in of.scope_spans
        for span in scope.spans
    ]


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
