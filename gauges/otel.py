"""OpenTelemetry behind gauges.traces: spans in batches, by OTLP over HTTP, as the standard OTEL_* variables say.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Imported only where COACH_TRACES is on. The
tracer is our own, not the process's: the SDKs of vendors find none, and so tell nothing by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gauges.traces import Kind, Telling, Value

KINDS: Final = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}

PATIENCE = 3.0
"""s"""


class Told:
    """One span."""

    __slots__ = ("span",)

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    @property
    def trace_id(self) -> str:
        return trace.format_trace_id(self.span.get_span_context().trace_id)

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def note(self, name: str, value: Value) -> None:
        self.span.set_attribute(name, value)

    def fail(self, why: str) -> None:
        self.span.set_attribute("error.type", why)
        self.span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        self.span.end()


class Sender:
    """Of one process."""

    def __init__(self, version: str) -> None:
        # What the operator's environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) goes before.
        told = OTELResourceDetector().detect().attributes
        resource = Resource.create({"service.name": "coach", "service.version": version, **told})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("coach", version)
        self._headers = TraceContextTextMapPropagator()

    def tell(self, name: str, kind: Kind, parent: Telling | None, headers: Mapping[str, str]) -> Told:
        context = None
        if isinstance(parent, Told):
            context = trace.set_span_in_context(parent.span)
        elif "traceparent" in headers:
            context = self._headers.extract(headers)
        return Told(self._tracer.start_span(name, context=context, kind=KINDS[kind]))

    def close(self) -> None:
        """Send what is left, for PATIENCE at most. Blocks: not for an event loop."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(PATIENCE)
