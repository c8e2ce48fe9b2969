"""The cache that all workers share, where there is a Redis; and that nothing stops where it is away."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx2
import pytest

from coach_project.launch import BASE_DIR
from tests.api import Api
from tests.conftest import Serve
from tests.serving import Server, free_port

REDIS = "redis://127.0.0.1:6379/15"
USE = """
import django
django.setup()
from django.core.cache import cache
print(cache.incr("coach-test") if cache.add("coach-test", 1, 30) is False else 1)
"""


def counted(**environment: str) -> str:
    """What a process of its own counts in the cache."""
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "coach_project.settings", **environment}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=BASE_DIR, env=known, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_without_a_redis_each_process_has_its_own(coach: Server) -> None:
    assert [counted(), counted()] == ["1", "1"]
    assert httpx2.get(f"{coach.url}/health/ready").json()["cache"] == "none"


@pytest.mark.redis
def test_processes_share_it_where_there_is_one(server: Serve) -> None:
    first = int(counted(REDIS_URL=REDIS))
    assert int(counted(REDIS_URL=REDIS)) == first + 1
    assert httpx2.get(f"{server(REDIS_URL=REDIS).url}/health/ready").json()["cache"] == "ready"


def test_a_redis_that_is_away_keeps_no_turn_from_being_served(server: Serve) -> None:
    coach = server(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    ready = httpx2.get(f"{coach.url}/health/ready", timeout=30)
    assert (ready.status_code, ready.json()["cache"]) == (200, "away")
    api = Api(coach.url)
    assert api.stream(api.start(), "Hello").end["status"] == "complete"


def test_a_mistyped_address_is_told_at_the_start() -> None:
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "coach_project.settings", "REDIS_URL": "cache:6379"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=BASE_DIR, env=known, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "REDIS_URL is no address of a Redis" in done.stderr
