"""The embedded server, from outside: real processes, real kills."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest
from psycopg.rows import TupleRow

from coach_project import cluster, placing, postgres, shelf
from coach_project.account import NOBODY, Account, candidates
from coach_project.launch import BASE_DIR, Refused
from tests.coach_project.processes import descendants, kill, of_database, until

HOLDER = """
import sys
from pathlib import Path
from coach_project import postgres
share = postgres.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
share.release()
"""

Holder: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[[Path], Holder]


@pytest.fixture
def data(area: Path) -> Path:
    return area / "data"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that holds a share until its input ends."""
    started: list[Holder] = []

    def begin(data: Path) -> Holder:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(data)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(holder)
        return holder

    yield begin
    for holder in started:
        holder.kill()
        holder.communicate()


def holding(holder: Holder) -> Holder:
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def leave(holder: Holder) -> None:
    holder.communicate("", timeout=60)
    assert holder.returncode == 0


def connect(data: Path, name: str = "coach", user: str = "coach") -> psycopg.Connection[TupleRow]:
    where = postgres.address(data)
    return psycopg.connect(host=where.host, port=where.port, user=user, dbname=name, autocommit=True)


def keep_a_row(data: Path) -> None:
    with connect(data) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(data: Path) -> object:
    with connect(data) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    return row and row[0]


def postmaster(data: Path) -> int:
    return int((shelf.front(data) / "data" / "postmaster.pid").read_text().split()[0])


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


# --- What it is ---------------------------------------------------------------------------------------------------
def test_the_applications_role_is_no_superuser_but_may_make_databases_with_vectors(data: Path, start: Start) -> None:
    holding(start(data))
    with connect(data) as connection:
        role = "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(role).fetchone() == (False, False, False, False)
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
        connection.execute("CREATE DATABASE another")
    with connect(data, "another") as connection:
        connection.execute("CREATE TABLE mine (at vector(2))")


def test_it_listens_on_a_socket_in_a_closed_folder_alone_and_syncs_what_it_is_given(data: Path, start: Start) -> None:
    holding(start(data))
    front = shelf.front(data)
    assert front.stat().st_mode & 0o777 == 0o700
    assert (front / "data").stat().st_mode & 0o777 == 0o700
    assert data.stat().st_mode & 0o066 == 0
    with connect(data, "postgres", "postgres") as connection:
        names = ("listen_addresses", "fsync", "unix_socket_permissions")
        assert [connection.execute(f"SHOW {name}").fetchone() for name in names] == [("",), ("on",), ("0700",)]
        hosts = connection.execute("SELECT DISTINCT type FROM pg_hba_file_rules").fetchall()
        assert hosts == [("local",)]


def test_what_the_environment_says_of_another_server_does_not_matter(data: Path, start: Start) -> None:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {"PGPORT": "1", "PGHOST": "nowhere", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
            patched.setenv(name, value)
        holder = holding(start(data))
        with connect(data) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("coach",)
        leave(holder)


@pytest.mark.parametrize("name", ["with space", "with \"quotes\" and 'more'", "$HOME `id` %s", "Ünïcode"])
def test_a_data_folder_may_have_any_name(area: Path, start: Start, name: str) -> None:
    holder = holding(start(area / name))
    keep_a_row(area / name)
    leave(holder)


def test_text_is_compared_and_searched_as_unicode(data: Path, start: Start) -> None:
    holding(start(data))
    with connect(data) as connection:
        assert connection.execute("SELECT lower('ÄÖÜ'), upper('çé')").fetchone() == ("äöü", "ÇÉ")
        assert connection.execute("SELECT to_tsvector('simple', 'Über Größe')::text").fetchone() == (
            "'größe':2 'über':1",
        )


# --- Where it is --------------------------------------------------------------------------------------------------
def test_a_path_too_long_for_a_socket_moves_the_socket_and_every_process_finds_it(
    area: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(area / "state"))
    data = area / ("long" * 20) / ("er" * 20) / "data"
    before = postgres.address(data).host
    holder = holding(start(data))
    monkeypatch.delenv("XDG_STATE_HOME")
    socket = Path(postgres.address(data).host)
    assert str(socket) == before
    assert not socket.is_relative_to(data)
    assert socket.stat().st_mode & 0o777 == 0o700
    keep_a_row(data)
    leave(holder)


def test_the_folder_of_a_moved_socket_must_be_nobody_elses(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(Refused, match="not safe"):
        shelf.safe_folder(open_to_all, os.geteuid(), 0o700)
    with pytest.raises(Refused, match="not safe"):
        shelf.safe_folder(tmp_path / "link", os.geteuid(), 0o700)
    with pytest.raises(Refused, match="other writers"):
        shelf.safe_folder(open_to_all / "mine", os.geteuid(), 0o700)


def test_a_data_folder_that_was_copied_is_another_database(data: Path, area: Path, start: Start) -> None:
    holder = holding(start(data))
    keep_a_row(data)
    leave(holder)
    copy = area / "copy"
    shutil.copytree(data, copy, symlinks=True)
    first, second = holding(start(data)), holding(start(copy))
    assert postmaster(data) != postmaster(copy)
    with connect(copy) as connection:
        connection.execute("UPDATE kept SET answer = 7")
    assert (kept_row(data), kept_row(copy)) == (42, 7)
    leave(first)
    leave(second)


# --- Words for what can't be --------------------------------------------------------------------------------------
def test_a_system_without_the_programs_is_told_to_set_a_url(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(Refused, match="DATABASE_URL"):
        postgres.hold(data)


def test_where_no_account_can_run_it_one_sentence_says_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "works", lambda account: False)
    with pytest.raises(Refused, match=r"not allowed on this machine.*DATABASE_URL"):
        postgres.hold(data)


def test_a_server_that_does_not_start_shows_the_end_of_its_log(data: Path, start: Start) -> None:
    leave(holding(start(data)))
    with (shelf.front(data) / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(Refused, match="no_such_setting"):
        postgres.hold(data)
    assert not cluster.is_running(data)


def test_a_cluster_of_another_version_is_left_alone(data: Path, start: Start) -> None:
    leave(holding(start(data)))
    (shelf.front(data) / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Refused, match="PostgreSQL 17"):
        postgres.hold(data)


def test_a_data_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="COACH_DATA"):
        postgres.hold(tmp_path / "file" / "data")


# --- The kept secret ----------------------------------------------------------------------------------------------
def test_the_secret_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    secret = postgres.kept_secret(tmp_path / "new" / "data")
    assert len(secret) > 50
    assert postgres.kept_secret(tmp_path / "new" / "data") == secret
    assert (tmp_path / "new" / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new" / "data").iterdir()] == ["secret-key"]


# --- Accounts -----------------------------------------------------------------------------------------------------
def test_root_takes_no_other_users_files_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert [account.method for account in candidates(None)] == ["namespace", "stepped"]
    assert [account.method for account in candidates((0, 0))] == ["namespace", "stepped"]
    assert [account.method for account in candidates((NOBODY, NOBODY))] == ["stepped", "namespace"]
    assert list(candidates((1000, 100))) == [Account("stepped", 1000, 100)]


def test_an_ordinary_user_runs_it_as_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert [(account.method, account.uid) for account in candidates((0, 0))] == [("self", 1234)]
