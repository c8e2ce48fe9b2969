"""Spans, as a collector gets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from coach_project import lifespan
from tests.api import Api
from tests.coach_project.processes import children, until
from tests.conftest import Serve
from tests.gauges.collector import Collector, Kept
from tests.gauges.conftest import SAID, USER
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("gauges")]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.close()


@pytest.fixture
def traced(server: Serve, collector: Collector, vendor: Vendor) -> Server:
    return server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="100",
        COACH_LOGS="json",
        COACH_BRAIN="claude",
        ANTHROPIC_API_KEY="k",
        ANTHROPIC_BASE_URL=vendor.url,
    )


def test_a_request_its_turn_and_the_brain_are_one_trace_without_a_word_of_what_was_said(
    traced: Server, collector: Collector, vendor: Vendor
) -> None:
    vendor.base = Scenario(words=8)
    api = Api(traced.url, USER)
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    session = api.start()
    reply = api.stream(session, f"I like {SAID}", traceparent=f"00-{trace}-{parent}-01")
    turn = reply.end["turn_id"]
    until(lambda: {"POST /chat/stream", "turn"} <= {span.name for span in collector.spans() if span.trace == trace})
    spans = {span.name.split()[0]: span for span in collector.spans() if span.trace == trace}
    request, ran, chat = spans["POST"], spans["turn"], spans["chat"]
    assert (request.parent, ran.parent, chat.parent) == (parent, request.id, ran.id)
    assert (request.kind, ran.kind, chat.kind) == (2, 1, 3)
    assert request.attributes["http.route"] == "/chat/stream"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["coach.request.id"] == reply.headers["X-Request-Id"]
    assert ran.attributes["coach.turn.id"] == turn
    assert ran.attributes["coach.turn.status"] == "complete"
    model = chat.attributes["gen_ai.request.model"]
    assert chat.name == f"chat {model}"
    told = chat.attributes
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "anthropic")
    assert told["gen_ai.conversation.id"] == ran.attributes["gen_ai.conversation.id"] == session
    assert told["gen_ai.usage.output_tokens"] == reply.end["usage"]["output_tokens"]
    assert told["gen_ai.usage.input_tokens"] == reply.end["usage"]["input_tokens"]
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert 0 < told["gen_ai.response.time_to_first_chunk"] < 60
    assert {span.service for span in spans.values()} == {"coach"}
    assert not any(span.failed or span.events for span in spans.values())
    whole = b"".join(collector.bodies)
    for secret in (SAID, USER, reply.text, reply.text.split()[0] + " " + reply.text.split()[1]):
        assert secret.encode() not in whole
    lines = [json.loads(line) for line in traced.log.read_text(encoding="utf-8").splitlines()]
    assert [line["trace_id"] for line in lines if line.get("turn_id") == turn] == [trace] * 2


def test_a_brain_that_fails_is_an_error_by_its_code(traced: Server, collector: Collector, vendor: Vendor) -> None:
    vendor.base = Scenario(status=400)
    api = Api(traced.url, USER)
    turn = api.stream(api.start(), f"I like {SAID}").end["turn_id"]

    def ran() -> Kept | None:
        return next((span for span in collector.spans() if span.attributes.get("coach.turn.id") == turn), None)

    until(lambda: ran() is not None)
    span = ran()
    assert span is not None
    chat = next(one for one in collector.spans() if one.parent == span.id)
    assert chat.failed
    assert span.failed
    assert chat.attributes["error.type"] == span.attributes["error.type"] == "provider_config"


def test_a_server_that_stops_sends_what_is_left_and_leaves_no_folder(
    server: Serve, collector: Collector, tmp_path: Path
) -> None:
    late = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_SERVICE_NAME": "mine"}
    one = server(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, TMPDIR=str(tmp_path), **late)
    api = Api(one.url, USER)
    turn = api.stream(api.start(), "Hello").end["turn_id"]
    assert list(tmp_path.glob("coach-metrics-*"))
    assert one.stop() == 0
    assert not list(tmp_path.glob("coach-metrics-*"))
    spans = [span for span in collector.spans() if span.attributes.get("coach.turn.id") == turn]
    assert [span.service for span in spans] == ["mine"]


def test_a_collector_that_is_away_delays_no_turn(server: Serve) -> None:
    api = Api(server(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1").url)
    assert api.stream(api.start(), "Hello").end["status"] == "complete"


def test_without_them_nothing_of_it_is_imported(coach: Server, traced: Server) -> None:
    """By what is mapped into a worker's memory: protobuf comes with the exporter alone."""

    def mapped(server: Server) -> str:
        (worker,) = children(server.pid)
        return Path(f"/proc/{worker}/maps").read_text()

    assert "google/_upb" in mapped(traced)
    assert "google/_upb" not in mapped(coach)


def test_without_the_extra_a_sentence_says_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.COACH_TRACES = True
    monkeypatch.setitem(sys.modules, "gauges.otel", None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements-otel\.txt"):
        lifespan._sender()
