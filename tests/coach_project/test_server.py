"""gunicorn under the project's configuration, around an application that does nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx2
import psycopg
import pytest

from coach_project import cluster, postgres
from coach_project.launch import BASE_DIR
from tests.coach_project.processes import children, until
from tests.serving import GUNICORN, free_port

Gunicorn: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[..., Gunicorn]

NOTHING = "tests.coach_project.nothing:application"


@pytest.fixture
def data(area: Path) -> Path:
    return area / "data"


@pytest.fixture
def start(data: Path, clean_environment: dict[str, str]) -> Iterator[Start]:
    started: list[Gunicorn] = []

    def begin(*options: str, application: str = NOTHING, **environment: str) -> Gunicorn:
        gunicorn = subprocess.Popen(
            [*GUNICORN, *options, application],
            cwd=BASE_DIR,
            env={**clean_environment, "COACH_DATA": str(data), "COACH_AUTH": "open", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(gunicorn)
        return gunicorn

    yield begin
    for gunicorn in started:
        gunicorn.kill()
        gunicorn.communicate()


def answers(port: str) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 204
    except httpx2.HTTPError:
        return False


def test_sigterm_ends_the_server_and_its_database(data: Path, start: Start) -> None:
    port = str(free_port())
    gunicorn = start(PORT=port)
    until(lambda: answers(port))
    with psycopg.connect(postgres.address(data).conninfo()) as connection:
        connection.execute("SELECT 1")
    gunicorn.terminate()
    output, _ = gunicorn.communicate(timeout=30)
    assert gunicorn.returncode == 0
    assert "Traceback" not in output
    assert not cluster.is_running(data)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.7])
def test_a_stop_that_comes_while_a_worker_loads_is_not_lost(start: Start, seconds: float) -> None:
    elsewhere = "postgresql://127.0.0.1:1/nothing-connects-to-it"
    slow = "tests.coach_project.slow:application"
    gunicorn = start(PORT=str(free_port()), WEB_CONCURRENCY="1", DATABASE_URL=elsewhere, application=slow)
    until(lambda: bool(children(gunicorn.pid)))
    time.sleep(seconds)
    gunicorn.terminate()
    assert gunicorn.wait(20) == 0


def test_of_two_servers_the_first_to_end_leaves_the_database_to_the_other(data: Path, start: Start) -> None:
    ports = [str(free_port()) for _ in range(2)]
    first, second = (start(PORT=port) for port in ports)
    for port in ports:
        until(lambda port=port: answers(port))  # type: ignore[misc]
    first.terminate()
    assert first.wait(30) == 0
    assert cluster.is_running(data)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 0
    assert not cluster.is_running(data)


def test_after_a_kill_of_the_master_its_workers_leave_and_the_last_one_stops_the_database(
    data: Path, start: Start
) -> None:
    port = str(free_port())
    gunicorn = start(PORT=port, WEB_CONCURRENCY="2")
    until(lambda: answers(port) and len(children(gunicorn.pid)) == 2)
    workers = children(gunicorn.pid)
    gunicorn.kill()
    gunicorn.wait()
    until(lambda: not cluster.is_running(data))
    until(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers))
    assert not answers(port)


def test_a_worker_that_is_replaced_does_not_take_the_database_along(data: Path, start: Start) -> None:
    port = str(free_port())
    gunicorn = start(PORT=port)
    until(lambda: answers(port))
    (worker,) = children(gunicorn.pid)
    os.kill(worker, signal.SIGTERM)
    until(lambda: bool(children(gunicorn.pid)) and worker not in children(gunicorn.pid))
    until(lambda: answers(port))
    assert cluster.is_running(data)


def test_a_new_master_after_sigusr2_keeps_the_database(data: Path, start: Start) -> None:
    port = str(free_port())
    gunicorn = start(PORT=port)
    until(lambda: answers(port))
    before = children(gunicorn.pid)
    gunicorn.send_signal(signal.SIGUSR2)
    until(lambda: any(children(child) for child in children(gunicorn.pid) if child not in before))
    (successor,) = (child for child in children(gunicorn.pid) if child not in before)
    gunicorn.terminate()
    assert gunicorn.wait(30) == 0
    assert answers(port)
    assert cluster.is_running(data)
    os.kill(successor, signal.SIGTERM)
    until(lambda: not cluster.is_running(data))


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {"HOST": "0.0.0.0"}),
        ([], {"HOST": "::"}),
        (["--bind", "0.0.0.0:0"], {}),
        (["--bind", "127.0.0.1:0", "--bind", "[::]:0"], {}),
        ([], {"COACH_AUTH": "token"}),
        ([], {"COACH_AUTH": ""}),
        ([], {"PORT": "none"}),
    ],
)
def test_what_it_may_not_do_it_refuses_in_one_sentence_before_any_work(
    data: Path, start: Start, options: list[str], environment: dict[str, str]
) -> None:
    gunicorn = start(*options, **environment)
    output, _ = gunicorn.communicate(timeout=30)
    assert gunicorn.returncode != 0
    assert len(output.splitlines()) == 1
    assert "Traceback" not in output
    assert not data.exists()


def test_a_listening_socket_that_it_is_given_is_looked_at_too(data: Path, start: Start) -> None:
    words = [
        "-c",
        "import os, socket, sys; s = socket.create_server(('0.0.0.0', 0)); s.set_inheritable(True)\n"
        "os.environ['COACH_LISTENER'] = str(s.fileno()); os.execv(sys.executable, sys.argv[1:])",
    ]
    environment = {**os.environ, "COACH_AUTH": "open", "COACH_DATA": str(data)}
    command = [sys.executable, *words, *GUNICORN, NOTHING]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "loopback" in done.stderr
    assert not data.exists()


def test_a_server_that_is_asked_for_a_context_that_is_not_there_says_so_and_ends(start: Start) -> None:
    elsewhere = "postgresql://127.0.0.1:1/nothing-connects-to-it"
    gunicorn = start(
        PORT=str(free_port()),
        WEB_CONCURRENCY="1",
        DATABASE_URL=elsewhere,
        COACH_CONTEXT="nowhere.Source",
        application="coach_project.asgi:application",
    )
    output, _ = gunicorn.communicate(timeout=60)
    assert gunicorn.returncode != 0
    assert "COACH_CONTEXT names 'nowhere.Source', which cannot be imported: No module named 'nowhere'" in output
    assert "Traceback" not in output
