"""GET /health/live and /health/ready."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory

from chat import worker
from coach_project import health
from problems import ServerStopping
from tests.gauges.conftest import Gauged

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("gauges")]


def test_a_server_whose_database_lacks_a_migration_is_alive_and_not_ready(gauged: Gauged) -> None:
    api = gauged.client()
    http = api.http
    assert http.get("/health/ready").json()["status"] == "ready"
    with gauged.server.database() as database:
        taken = database.execute(
            "DELETE FROM django_migrations WHERE app = 'memory' AND name = '0001_initial' RETURNING app, name, applied"
        ).fetchone()
        assert taken
        try:
            answer = http.get("/health/ready")
            assert (answer.status_code, answer.json()["error"]) == (503, "database_unavailable")
            assert "memory.0001_initial" in answer.json()["message"]
            assert http.get("/health/live").json() == {"status": "alive"}
        finally:
            database.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", taken)
    assert http.get("/health/ready").status_code == 200


def test_a_worker_that_drains_is_not_ready() -> None:
    draining: Any = SimpleNamespace(turns=SimpleNamespace(stopping=True))
    before = worker.installed()
    worker.install(draining)
    try:
        with pytest.raises(ServerStopping):
            asyncio.run(health.ready(RequestFactory().get("/health/ready")))
    finally:
        worker.install(before)
