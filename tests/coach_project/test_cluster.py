"""What the embedded server is, where its parts lie, and its words for what can't be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg
import pytest

from coach_project import cluster, placing, postgres, shelf
from coach_project.account import Account
from coach_project.launch import Refused
from tests.coach_project.holders import Start, connect, holding, keep_a_row, kept_row, leave, postmaster


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


def test_its_log_holds_nothing_of_the_rows_that_an_error_is_about(data: Path, start: Start) -> None:
    holding(start(data))
    with connect(data) as connection:
        connection.execute("CREATE TABLE said (text text UNIQUE CHECK (text <> 'a-canary'))")
        connection.execute("INSERT INTO said VALUES ('another-canary')")
        for word in ("a-canary", "another-canary"):
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(f"INSERT INTO said VALUES ('{word}')")  # noqa: S608 — the statement is what could be logged
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute("INSERT INTO said VALUES (%s)", [word])
    log = (shelf.front(data) / "log").read_text(encoding="utf-8")
    assert log.count("violates") == 4
    assert "canary" not in log


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
