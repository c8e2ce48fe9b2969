"""The embedded server, from outside: real processes, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coach_project import cluster, postgres, shelf
from coach_project.launch import BASE_DIR
from tests.coach_project.holders import Start, connect, holding, keep_a_row, kept_row, leave, postmaster
from tests.coach_project.processes import descendants, kill, of_database, until


# --- Sharing ------------------------------------------------------------------------------------------------------
def test_processes_share_one_server_and_the_last_one_out_stops_it(data: Path, start: Start) -> None:
    first = holding(start(data))
    server = postmaster(data)
    second = holding(start(data))
    assert postmaster(data) == server
    leave(first)
    assert cluster.is_running(data)
    with connect(data) as connection:
        connection.execute("SELECT 1")
    leave(second)
    assert not cluster.is_running(data)
    assert not (shelf.front(data) / shelf.SOCKET).exists()


def test_of_several_that_start_at_once_each_gets_the_same_server(data: Path, start: Start) -> None:
    holders = [start(data) for _ in range(4)]
    for holder in holders:
        holding(holder)
    keep_a_row(data)
    for holder in holders:
        leave(holder)
    assert not cluster.is_running(data)


def test_a_share_survives_exec_and_is_released_by_the_program_that_comes_after(data: Path) -> None:
    before = """
import os, sys
from pathlib import Path
from coach_project import postgres
postgres.hold(Path(sys.argv[1])).survive_exec()
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2], sys.argv[1]])
"""
    after = """
import sys
from pathlib import Path
from coach_project import cluster, postgres
data = Path(sys.argv[1])
share = postgres.adopt(data)
assert postgres.adopt(Path("/")) is None
print("running" if cluster.is_running(data) else "stopped")
share.release()
print("running" if cluster.is_running(data) else "stopped")
"""
    done = subprocess.run(
        [sys.executable, "-c", before, str(data), after], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["running", "stopped"]


def test_without_a_share_from_before_exec_there_is_none_to_adopt(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert postgres.adopt(data) is None
    for number in ("words", "0", "9999"):
        monkeypatch.setenv(postgres.INHERITED, number)
        assert postgres.adopt(data) is None


def test_a_command_of_manage_py_holds_the_server_for_its_time(data: Path) -> None:
    environment = {**os.environ, "COACH_DATA": str(data), "DATABASE_URL": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "coach_project.settings"
    command = [sys.executable, "manage.py", "migrate", "contenttypes", "--skip-checks"]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not cluster.is_running(data)


def test_a_command_that_needs_no_database_starts_none(data: Path) -> None:
    environment = {**os.environ, "COACH_DATA": str(data), "DJANGO_SETTINGS_MODULE": "coach_project.settings"}
    done = subprocess.run([sys.executable, "manage.py", "version"], cwd=BASE_DIR, env=environment, check=False)
    assert done.returncode == 0
    assert not shelf.front(data).exists()


# --- Kills --------------------------------------------------------------------------------------------------------
def test_a_killed_holder_does_not_keep_the_last_one_from_stopping_the_server(data: Path, start: Start) -> None:
    killed = holding(start(data))
    last = holding(start(data))
    killed.kill()
    killed.wait()
    leave(last)
    assert not cluster.is_running(data)


def test_a_server_whose_holders_were_all_killed_is_taken_over(data: Path, start: Start) -> None:
    killed = holding(start(data))
    keep_a_row(data)
    server = postmaster(data)
    killed.kill()
    killed.wait()
    last = holding(start(data))
    assert postmaster(data) == server
    assert kept_row(data) == 42
    leave(last)
    assert not cluster.is_running(data)


def test_after_a_kill_of_everything_the_next_start_finds_every_row(data: Path, start: Start) -> None:
    for round_number in range(3):
        holder = holding(start(data))
        if round_number == 0:
            keep_a_row(data)
        assert kept_row(data) == 42
        kill([holder.pid, *of_database(data)])
        holder.wait()
    leave(holding(start(data)))


def test_a_killed_postmaster_is_replaced(data: Path, start: Start) -> None:
    holder = holding(start(data))
    keep_a_row(data)
    with connect(data):
        os.kill(postmaster(data), signal.SIGKILL)
        second = holding(start(data))
        assert kept_row(data) == 42
    leave(holder)
    assert cluster.is_running(data)
    leave(second)
    assert not cluster.is_running(data)


def test_a_killed_initdb_leaves_nothing_half_made(data: Path, start: Start) -> None:
    holder = start(data)
    until(lambda: any(shelf.front(data).glob("new-*/PG_VERSION")))
    kill([holder.pid, *descendants(holder.pid)])
    holder.wait()
    assert not (shelf.front(data) / "data").exists()
    leave(holding(start(data)))
    assert not list(shelf.front(data).glob("new-*"))


def test_a_pid_that_now_means_another_process_is_not_taken_for_the_server(data: Path, start: Start) -> None:
    leave(holding(start(data)))
    path = shelf.front(data) / "data" / "postmaster.pid"
    path.write_text(f"{os.getpid()}\n{path.parent}\n0\n5432\n{path.parent.parent}\n\n  1 1\nready\n")
    leave(holding(start(data)))
    assert not path.exists()


# --- The kept secret ----------------------------------------------------------------------------------------------
def test_the_secret_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    secret = postgres.kept_secret(tmp_path / "new" / "data")
    assert len(secret) > 50
    assert postgres.kept_secret(tmp_path / "new" / "data") == secret
    assert (tmp_path / "new" / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new" / "data").iterdir()] == ["secret-key"]
