"""GET /metrics: what the workers of this server have counted, and what the database knows at this moment."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from django import get_version
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat import worker
from coach_project.health import get_only
from gauges import metrics
from problems import DatabaseUnavailable

# Tasks of the background: those that are done are deleted at once, those that failed stay.
JOBS = (
    "SELECT status::text, count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed') GROUP BY status"
)

LONGEST = 2000
"""ms for it: a scrape is worth no more of a database in need."""


@dataclass(frozen=True, eq=False)
class Database(Collector):
    """`jobs` by status; None: the database could not be asked."""

    jobs: dict[str, int] | None

    def collect(self) -> Iterator[Metric]:
        reached = "Whether the database answered at this scrape."
        yield GaugeMetricFamily("coach_database_up", reached, value=float(self.jobs is not None))
        if self.jobs is not None:
            queue = GaugeMetricFamily("coach_jobs", "Tasks of the background worker, by status.", labels=["status"])
            for status in ("todo", "doing", "failed"):
                queue.add_metric([status], self.jobs.get(status, 0))
            yield queue


class Build(Collector):
    """Which code this is."""

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("coach_build_info", "1, with the versions.", labels=["version", "python", "django"])
        build.add_metric([str(settings.SPECTACULAR_SETTINGS["VERSION"]), platform.python_version(), get_version()], 1)
        yield build


async def scrape(request: HttpRequest) -> HttpResponseBase:
    """GET /metrics"""
    get_only(request)
    text = await asyncio.to_thread(metrics.scraped, Database(await _jobs()), Build())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


async def _jobs() -> dict[str, int] | None:
    here = worker.installed()
    if here is None:
        return None
    try:
        async with asyncio.timeout(LONGEST / 1000):
            return dict(await here.store.rows(JOBS, {}, ms=LONGEST))
    except (DatabaseUnavailable, TimeoutError):
        return None
