"""Counting in a cache that is shared, away, and back."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

from identity import rates
from identity.rates import Cached
from tests.serving import free_port

MINUTE, MOST = 1, 7


class Otherwise:
    """What is counted while the cache is away."""

    def __init__(self) -> None:
        self.asked = 0

    async def raised(self, subject: str, minute: int, most: int) -> int | None:
        self.asked += 1
        return self.asked


class Failing(LocMemCache):
    """A cache that can be away."""

    away = False

    def add(self, *arguments: Any, **more: Any) -> bool:
        if self.away:
            raise ConnectionError("no such host")
        return super().add(*arguments, **more)


def redis(address: str) -> RedisCache:
    return RedisCache(address, {"OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1}})


@pytest.mark.redis
def test_workers_count_together_in_redis_and_never_beyond() -> None:
    workers = [Cached(redis("redis://127.0.0.1:6379/15"), Otherwise()) for _ in range(4)]
    subject = secrets.token_hex(8)

    async def all_at_once() -> list[int | None]:
        return await asyncio.gather(*(workers[number % 4].raised(subject, MINUTE, MOST) for number in range(20)))

    counted = asyncio.run(all_at_once())
    assert sorted(each for each in counted if each) == list(range(1, MOST + 1))


def test_a_redis_that_is_away_is_counted_for_elsewhere_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    otherwise = Otherwise()
    cached = Cached(redis(f"redis://127.0.0.1:{free_port()}/0"), otherwise)
    with caplog.at_level(logging.INFO, logger="identity.rates"):
        assert [asyncio.run(cached.raised("kari", MINUTE, MOST)) for _ in range(3)] == [1, 2, 3]
    assert len(caplog.records) == 1
    assert "kari" not in caplog.text


def test_a_cache_that_is_back_counts_again(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "AWAY", 0)
    cache, otherwise = Failing(secrets.token_hex(4), {}), Otherwise()
    cached = Cached(cache, otherwise)
    with caplog.at_level(logging.INFO, logger="identity.rates"):
        for cache.away in (False, True, True, False):
            asyncio.run(cached.raised("kari", MINUTE, MOST))
    assert otherwise.asked == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
