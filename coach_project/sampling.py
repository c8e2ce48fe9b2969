"""What a worker is doing now, noted once a second: gauges that follow from what there is need no count at each change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from django.db import connection

from chat.worker import Worker
from gauges import metrics

EVERY = 1.0
"""s"""

STATES = ("closed", "half-open", "open")


class Sampler:
    """For one worker."""

    def __init__(self, here: Worker) -> None:
        self._here = here
        self._before: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        metrics.WORKERS.set(1)
        self.sample()
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            due = time.monotonic() + EVERY
            await asyncio.sleep(EVERY)
            metrics.LAG_SECONDS.observe(max(0, time.monotonic() - due))
            self.sample()

    def sample(self) -> None:
        metrics.RUNNING.set(len(self._here.turns.live))
        for brain, now in self._here.breakers().items():
            for state in STATES:
                metrics.BREAKERS.labels(brain, state).set(state == now)
        self._pool("turns", self._here.store.pool_stats())
        # Django's, for everything else; asked for here, it is made, not opened.
        orm = getattr(connection, "pool", None)
        self._pool("orm", orm.get_stats() if orm else {})

    def _pool(self, name: str, told: Mapping[str, int]) -> None:
        """As psycopg_pool tells it: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats"""
        size = told.get("pool_size", 0)
        metrics.POOL_MOST.labels(name).set(told.get("pool_max", 0))
        metrics.POOL_OPEN.labels(name).set(size)
        metrics.POOL_USED.labels(name).set(size - told.get("pool_available", 0))
        metrics.POOL_WAITING.labels(name).set(told.get("requests_waiting", 0))
        for counter, stat in ((metrics.POOL_WAITS, "requests_queued"), (metrics.POOL_REFUSALS, "requests_errors")):
            so_far = told.get(stat, 0)
            counter.labels(name).inc(max(0, so_far - self._before.get((name, stat), 0)))
            self._before[name, stat] = so_far
