"""One server for all tests here: two workers, in `token` mode, with JSON logs; and what it shows of itself, read."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import databases
from tests.api import Api
from tests.serving import Server

SAID = "marzipan"
"""In each message here; in no log and no metric."""

USER = "kari-who-is-nowhere-shown"


class Gauged:
    """A server, with clients that have keys."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.operator = self.client("operate")
        self.user = self.client("chat", "act-for-users")

    def client(self, *scopes: str) -> Api:
        """One that shows a new key; anonymous without scopes."""
        api = Api(self.server.url, USER)
        if scopes:
            api.http.headers["Authorization"] = f"Bearer {self.key(*scopes)}"
        return api

    def anew(self) -> Api:
        """The user's, over a new connection, which either worker may take."""
        api = Api(self.server.url, USER)
        api.http.headers = self.user.http.headers
        return api

    def key(self, *scopes: str) -> str:
        key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self.server.database() as database:
            database.execute(
                "INSERT INTO identity_apikey (id, name, app, scopes, digest, created_at)"
                " VALUES (%s, %s, 'main', %s, %s, now())",
                [key, f"test {key}", list(scopes), hashlib.sha256(secret.encode()).hexdigest()],
            )
        return f"coach_{key}_{secret}"

    def figures(self) -> dict[str, dict[str, float]]:
        """Of each sample its values, by labels as `brain=config,status=complete`, in the labels' alphabet."""
        answer = self.operator.http.get("/metrics")
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    def sum(self, name: str, **labels: str) -> float:
        """Of all values whose labels hold these."""
        wanted = {f"{label}={value}" for label, value in labels.items()}
        return sum(value for key, value in self.figures().get(name, {}).items() if wanted <= set(key.split(",")))

    def lines(self) -> list[dict[str, Any]]:
        """Its log: each line is a JSON object."""
        return [json.loads(line) for line in self.server.log.read_text(encoding="utf-8").splitlines()]


def read(text: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), f"{sample.name}{{{labels}}} is there twice"
            found[sample.name][labels] = sample.value
    return found


@pytest.fixture(scope="package")
def gauged(_started: Callable[[dict[str, str]], Server]) -> Iterator[Gauged]:
    server = _started(
        {
            "COACH_AUTH": "token",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "WEB_CONCURRENCY": "2",
            "COACH_PACE": "0",
            "COACH_POOL_SIZE": "4",
            "COACH_LIMITS": "off",
        }
    )
    yield Gauged(server)
    server.close()
    databases.drop(server.where.name)
    assert not server.complaint(), server.complaint()
