"""Background work: what a killed worker left half done."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from memory import tasks

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

JOB = """
INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status)
VALUES ('default', 'memory.draw', %s, '{"owner": 1}', %s) RETURNING id
"""


def job(lock: str, status: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(JOB, [lock, status])
        return int(cursor.fetchone()[0])


def jobs() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, status FROM procrastinate_jobs")
        return dict(cursor.fetchall())


def test_what_a_killed_worker_left_is_done_again_once() -> None:
    left, left_too = job("one", "doing"), job("two", "doing")
    waiting = job("one", "todo")
    async_to_sync(tasks.sweep.func)(timestamp=0)
    assert jobs() == {left_too: "todo", waiting: "todo"}
    assert left not in jobs()
