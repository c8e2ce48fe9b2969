"""The OpenAPI description, kept to: schemathesis asks all of it, with every phase and check that it has, in both modes.

`SCHEMA_EXAMPLES=200 ./test tests/coach_project/test_schema.py` asks longer, and by another seed each time, which it prints.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from coach_project.launch import BASE_DIR
from tests.conftest import Serve
from tests.serving import Server

EXAMPLES = os.environ.get("SCHEMA_EXAMPLES")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
STREAMS = {
    "POST /chat/stream",
    "POST /chat/messages/{message_id}/edit",
    "POST /chat/messages/{message_id}/regenerate",
    "GET /chat/turns/{turn_id}/stream",
}


def key_of_all(server: Server) -> str:
    """An app's key of every scope."""
    key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    scopes = ["chat", "operate", "act-for-users"]
    with server.database() as database:
        database.execute(
            "INSERT INTO identity_apikey (id, name, app, scopes, digest, created_at) VALUES (%s, 'k', 'main', %s, %s, now())",
            [key, scopes, hashlib.sha256(secret.encode()).hexdigest()],
        )
    return f"coach_{key}_{secret}"


def asked(server: Server, folder: Path, key: str) -> tuple[str, list[tuple[str, int, str]]]:
    """What schemathesis complains of, and what was answered: operation, status, type of the body."""
    tally = folder / "tally"
    environment = {"COACH_URL": server.url, "COACH_KEY": key, "COACH_TALLY": str(tally), "PYTHONPATH": str(BASE_DIR)}
    let_in = ["--header", f"Authorization: Bearer {key}"] if key else []
    how = ["--max-examples", EXAMPLES] if EXAMPLES else ["--max-examples", "2", "--generation-deterministic"]
    program = Path(sys.executable).with_name("st")
    done = subprocess.run(
        [program, "--no-color", "--config-file", CONFIGURATION, "run", f"{server.url}/api/schema", *let_in, *how],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    complaint = done.stdout + done.stderr if done.returncode else ""
    return complaint, [tuple(row[:3]) for row in json.loads(tally.read_text(encoding="utf-8"))]


def operations(server: Server) -> dict[str, Any]:
    paths = httpx2.get(f"{server.url}/api/schema", timeout=60).json()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


@pytest.mark.parametrize("mode", ["open", "token"])
def test_every_answer_is_one_that_the_description_promises(server: Serve, tmp_path: Path, mode: str) -> None:
    coach = server(COACH_AUTH=mode, DJANGO_SECRET_KEY=secrets.token_urlsafe(50))
    complaint, answers = asked(coach, tmp_path, key_of_all(coach) if mode == "token" else "")
    assert not complaint, complaint
    well = {operation for operation, status, _ in answers if status < 300}
    assert operations(coach).keys() <= well, "what was never answered well was not tried deep enough"
    assert {operation for operation, status, kind in answers if (status, kind) == (200, "text/event-stream")} == STREAMS


def test_a_server_that_asks_who_calls_says_so_in_its_description_and_turns_others_away(server: Serve) -> None:
    coach = server(COACH_AUTH="token", DJANGO_SECRET_KEY=secrets.token_urlsafe(50))
    told = operations(coach)
    shut = {operation for operation, one in told.items() if one["security"]}
    assert shut == told.keys() - {"GET /health/live", "GET /health/ready"}
    for operation in shut:
        method, path = operation.split(" ")
        assert {} not in told[operation]["security"]
        answer = httpx2.request(method, coach.url + path, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated"), operation
