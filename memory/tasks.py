"""What is done in the background, by procrastinate's worker. A task's arguments are ids alone.

Nothing depends on a task that was deferred: the one that comes every minute finds what was left.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status

from brains import registry, router, switching
from brains.errors import where
from memory import drawing, erasure, finding, summaries
from problems import Problem

logger = logging.getLogger(__name__)

BATCH = 100
"""Turns that are taken in at a time."""

AGAIN = RetryStrategy(max_attempts=5, exponential_wait=4)

KEPT_HOURS = 72
"""For which failed tasks stay to be looked at."""


class TaskFailed(Exception):
    """Says what kind of error ended a task, without its words, which may hold what was said."""


@app.periodic(cron="* * * * *")
@app.task(name="memory.learn", queueing_lock="memory.learn")
def learn(timestamp: int) -> None:
    """Take in the turns that have ended, and have facts drawn from them and long sessions summarised."""
    with _told("learn"):
        more = True
        while more:
            found = finding.find(BATCH)
            for session in found.sessions:
                soon("memory.summarise", session.hex, session=session.hex)
            more = found.turns == BATCH
        wait = settings.COACH_MEMORY_DELAY if registry.follows_schema(switching.active()) else 0
        for owner in finding.waiting():
            soon("memory.draw", str(owner), wait, owner=owner)


@app.task(name="memory.draw", retry=AGAIN)
async def draw(owner: int) -> None:
    """Draw facts from an owner's turns that none were drawn from yet."""
    with _told("draw"):
        alias = await sync_to_async(switching.active)()
        await drawing.draw(owner, router.alone(), alias)


@app.task(name="memory.summarise", retry=AGAIN)
async def summarise(session: str) -> None:
    """Bring a long session's summary up to date."""
    with _told("summarise"):
        alias = await sync_to_async(switching.active)()
        await summaries.summarise(UUID(session), router.alone(), alias)


@app.periodic(cron="*/10 * * * *")
@app.task(name="memory.sweep", queueing_lock="memory.sweep")
async def sweep(timestamp: int) -> None:
    """Have done again what a killed worker left half done; forget old failures."""
    with _told("sweep"):
        for job in await app.job_manager.get_stalled_jobs():
            try:
                await app.job_manager.retry_job(job)
            except UniqueViolation:  # the same is waiting already, and will do it
                await app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
        await app.job_manager.delete_old_jobs(KEPT_HOURS, include_failed=True)


@app.periodic(cron="17 * * * *")
@app.task(name="memory.expire", queueing_lock="memory.expire")
def expire(timestamp: int) -> None:
    """Delete what is older than COACH_RETENTION_DAYS."""
    if not settings.COACH_RETENTION_DAYS:
        return
    with _told("expire"):
        gone = erasure.expire(timezone.now() - timedelta(days=settings.COACH_RETENTION_DAYS))
        if gone != erasure.Gone(0, 0, 0):
            logger.info("expired: %d sessions, %d facts, %d users", gone.sessions, gone.facts, gone.owners)


def wake() -> None:
    """Have finished turns looked for now, not within the minute."""
    soon("memory.learn", "memory.learn", timestamp=0)


def soon(task: str, lock: str, seconds: float = 0, **ids: int | str) -> None:
    """Defer a task, unless the same is waiting already."""
    wait = timedelta(seconds=seconds)
    with contextlib.suppress(AlreadyEnqueued):
        app.configure_task(
            task,
            queueing_lock=lock if lock == task else f"{task}:{lock}",
            schedule_in={"seconds": int(wait.total_seconds())},
            allow_unknown=False,
        ).defer(**ids)


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        logger.warning("memory.%s is tried again later: %s", name, problem.code)
        raise TaskFailed(problem.code) from None
    except Exception as error:  # noqa: BLE001 — every kind: its own words must not reach the log or the task's record
        logger.error("memory.%s broke: %s", name, where(error))
        raise TaskFailed(type(error).__name__) from None
