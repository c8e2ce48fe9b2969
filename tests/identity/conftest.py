"""One server in `token` mode for all tests here, with an identity provider beside it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeAlias

import pytest

from tests import databases
from tests.api import Api
from tests.identity.provider import Provider
from tests.serving import Server

MakeKey: TypeAlias = Callable[..., str]


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    one = Provider()
    yield one
    one.close()


@pytest.fixture(scope="session")
def guarded(_started: Callable[[dict[str, str]], Server], provider: Provider) -> Iterator[Server]:
    """A server as others reach it: who calls has to say so."""
    environment = {"COACH_AUTH": "token", "DJANGO_SECRET_KEY": secrets.token_urlsafe(50), "COACH_PACE": "0"}
    server = _started({**environment, **provider.environment()})
    yield server
    server.close()
    databases.drop(server.where.name)
    assert not server.complaint(), server.complaint()


@pytest.fixture
def make_key(guarded: Server) -> MakeKey:
    """A stored key's text: `make_key("chat", "operate", app="other", expires=…)`."""

    def make(*scopes: str, app: str = "main", expires: datetime | None = None) -> str:
        key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        with guarded.database() as database:
            database.execute(
                "INSERT INTO identity_apikey (id, name, app, scopes, digest, created_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, now(), %s)",
                [key, f"test {key}", app, list(scopes), digest, expires],
            )
        return f"coach_{key}_{secret}"

    return make


@pytest.fixture
def calling(guarded: Server) -> Callable[..., Api]:
    """A client that shows this bearer, or nothing: `calling(token, user="kari")`."""

    def client(bearer: str = "", user: str = "") -> Api:
        api = Api(guarded.url, user)
        if bearer:
            api.http.headers["Authorization"] = f"Bearer {bearer}"
        return api

    return client
