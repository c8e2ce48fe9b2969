"""Whether the process lives, and whether it can serve a turn."""

from __future__ import annotations

from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chat import worker
from problems import DatabaseUnavailable, MethodNotAllowed, ServerStopping

APPLIED = "SELECT app, name FROM django_migrations"


def get_only(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(("GET", "HEAD"))


async def live(request: HttpRequest) -> HttpResponseBase:
    """GET /health/live: the process answers."""
    get_only(request)
    return JsonResponse({"status": "alive"})


async def ready(request: HttpRequest) -> HttpResponseBase:
    """GET /health/ready: 200 where the next turn can be served, 503 with the reason else."""
    get_only(request)
    here = worker.current()
    if here.turns.stopping:
        raise ServerStopping
    applied = {(row[0], row[1]) for row in await here.store.rows(APPLIED, {})}
    missing = sorted(f"{app}.{name}" for app, name in WANTED - applied)
    if missing:
        raise DatabaseUnavailable(
            f"{len(missing)} migrations are not applied, {missing[0]} first; run manage.py migrate."
        )
    return JsonResponse({"status": "ready", "turns": len(here.turns.live), "cache": await cache()})


async def cache() -> str:
    """How the shared cache is: `none`, `ready` or `away`. Turns are served without it, so the server is ready all the same."""
    if not settings.REDIS_URL:
        return "none"
    from redis.asyncio import Redis  # noqa: PLC0415 — a third of a second at the start of every server else
    from redis.exceptions import RedisError  # noqa: PLC0415 — as above

    patience = settings.REDIS_PATIENCE
    try:
        async with Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=patience, socket_timeout=patience
        ) as redis:
            await redis.ping()
    except (RedisError, OSError, TimeoutError):
        return "away"
    return "ready"


WANTED = frozenset(MigrationLoader(None).disk_migrations)
"""The migrations that this code was written for; read once, from the files."""
