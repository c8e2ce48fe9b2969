"""`./run` after the installation, on the embedded database: what it prints, refuses, and finds again after a kill -9."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx2
import psycopg
import pytest

from coach_project import cluster, postgres, shelf
from coach_project.launch import BASE_DIR
from tests import databases
from tests.coach_project.processes import descendants, kill, of_database, until
from tests.serving import free_port
from tests.settings import RUN

Run: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[..., Run]


@pytest.fixture
def data(area: Path) -> Path:
    return area / "data"


@pytest.fixture
def port() -> str:
    return str(free_port())


@pytest.fixture
def start(area: Path, data: Path, clean_environment: dict[str, str]) -> Iterator[Start]:
    """Start it; its output goes to `area/PID.log`."""
    started: list[Run] = []

    def begin(**environment: str) -> Run:
        process = subprocess.Popen(
            [sys.executable, "-m", "coach_project.setup"],
            cwd=BASE_DIR,
            env={**clean_environment, "COACH_DATA": str(data), "COACH_PACE": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def greeting(process: Run) -> str:
    """What it prints until it serves."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def refused(process: Run) -> str:
    """The one sentence with which it ends."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.splitlines()) == 1, output
    return output


def stop(process: Run) -> None:
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in output


def url(port: str) -> str:
    return f"http://127.0.0.1:{port}"


def start_session(port: str) -> str:
    answer = httpx2.post(f"{url(port)}/chat/start", json={"user_id": "me"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["session_id"])


def reply(port: str, session: str) -> str:
    body = {"session_id": session, "message": "I want to start running."}
    answer = httpx2.post(f"{url(port)}/chat/message", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"])


def log_in(port: str, name: str, password: str) -> bool:
    with httpx2.Client(base_url=url(port), timeout=30) as client:
        client.get("/admin/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        answer = client.post("/admin/login/", data=form, headers={"Referer": url(port)})
    return answer.status_code == 302


def test_it_prints_where_everything_is_and_a_login_that_is_shown_once(data: Path, start: Start, port: str) -> None:
    process = start(PORT=port)
    printed = greeting(process)
    assert printed.count(url(port)) >= 4
    found = re.search(r"login: (\S+), password (\S+)", printed)
    assert found is not None
    assert log_in(port, *found.groups())
    assert not log_in(port, "admin", "admin")
    assert reply(port, start_session(port))
    with psycopg.connect(postgres.address(data).conninfo()) as connection:
        kept = connection.execute("SELECT username, password FROM auth_user").fetchall()
    assert [(name, password.partition("$")[0]) for name, password in kept] == [("admin", "scrypt")]
    stop(process)
    assert not cluster.is_running(data)

    again = start(PORT=port)
    assert "password" not in greeting(again)
    assert log_in(port, *found.groups())
    stop(again)


def test_a_taken_port_is_told_before_any_work(data: Path, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "PORT=" in refused(start(PORT=str(taken.getsockname()[1])))
    assert not data.exists()


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"HOST": "0.0.0.0"}, "HOST=127.0.0.1"),
        ({"HOST": "0.0.0.0", "COACH_AUTH": "open"}, "HOST=127.0.0.1"),
        ({"COACH_AUTH": "token"}, "COACH_AUTH"),
        ({"PORT": "many"}, "PORT"),
        ({"DATABASE_URL": "mysql://me:secret@db/coach"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/coach"}, "database does not answer"),
    ],
)
def test_what_can_not_be_is_one_sentence_without_a_secret(
    data: Path, start: Start, port: str, environment: dict[str, str], word: str
) -> None:
    sentence = refused(start(**{"PORT": port, **environment}))
    assert word in sentence
    assert "secret" not in sentence
    assert not shelf.front(data).exists()


def test_of_two_starts_at_once_on_one_port_one_serves_and_the_other_is_told(start: Start, port: str) -> None:
    both = [start(PORT=port) for _ in range(2)]
    until(lambda: any(process.poll() is not None for process in both))
    loser = next(process for process in both if process.poll() is not None)
    winner = next(process for process in both if process is not loser)
    assert "PORT=" in refused(loser)
    greeting(winner)
    assert reply(port, start_session(port))
    stop(winner)


def test_two_at_once_on_a_new_data_folder_share_the_database_and_make_one_login(data: Path, start: Start) -> None:
    ports = [str(free_port()) for _ in range(2)]
    both = [start(PORT=port) for port in ports]
    printed = [greeting(process) for process in both]
    assert sum("password" in text for text in printed) == 1
    session = start_session(ports[0])
    assert reply(ports[0], session)
    assert reply(ports[1], session)
    stop(both[0])
    assert reply(ports[1], session)
    stop(both[1])
    assert not cluster.is_running(data)


@pytest.mark.database
def test_it_sets_up_a_database_of_ones_own(start: Start, port: str, data: Path) -> None:
    name = f"{RUN}_{secrets.token_hex(4)}"
    with databases.maintenance() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    where = databases.where().named(name)
    process = start(PORT=port, DATABASE_URL=where.url())
    assert "password" in greeting(process)
    assert reply(port, start_session(port))
    stop(process)
    databases.drop(name)
    assert not shelf.front(data).exists()


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8, 1.2, 1.6, 2.0])
def test_a_stop_is_heard_at_any_moment_and_leaves_no_database_behind(
    data: Path, start: Start, port: str, seconds: float
) -> None:
    process = start(PORT=port)
    until(data.exists)
    time.sleep(seconds)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (0, 128 + signal.SIGTERM)
    assert "Traceback" not in output
    assert not cluster.is_running(data)


def test_after_a_kill_9_of_everything_no_row_is_lost_and_the_session_is_free(
    data: Path, start: Start, port: str
) -> None:
    process = start(PORT=port, COACH_PACE="2")
    greeting(process)
    session = start_session(port)
    body = {"session_id": session, "message": "Tell me how to begin, at length."}
    seen = ""
    with httpx2.stream("POST", f"{url(port)}/chat/stream", json=body, timeout=30) as stream:
        for line in stream.iter_lines():
            seen += line if line.startswith('data: {"token"') else ""
            if len(seen) > 60:
                break
        kill([process.pid, *descendants(process.pid), *of_database(data)])
        process.wait()

    again = start(PORT=port)
    greeting(again)
    detail = httpx2.get(f"{url(port)}/chat/sessions/{session}", timeout=30).json()
    assert detail["messages"][0]["content"] == body["message"]
    assert reply(port, session)
    with psycopg.connect(postgres.address(data).conninfo()) as connection:
        states = connection.execute("SELECT status FROM chat_turn ORDER BY created_at").fetchall()
    assert states[0][0] in ("failed", "interrupted")
    assert states[1][0] == "complete"
    stop(again)
