"""Root's two ways to run PostgreSQL, which refuses to run as root, and the shelf for what its account can't reach."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest

from coach_project import cluster, placing, postgres, shelf
from coach_project.account import NOBODY, Account
from coach_project.launch import Refused

pytestmark = pytest.mark.accounts

NAMELESS = 54321
NAMESPACE = Account("namespace", 0, 0)
STEPPED = Account("stepped", NOBODY, NOBODY)
BOTH = pytest.mark.parametrize("account", [NAMESPACE, STEPPED], ids=lambda account: account.method)

Use: TypeAlias = Callable[[Account], None]


@pytest.fixture(autouse=True)
def _shelves(area: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shelves of this test's own."""
    (area / "shelves").mkdir(mode=0o711)
    for module in (shelf, placing):
        monkeypatch.setattr(module, "SHELVES", area / "shelves")


@pytest.fixture
def home(area: Path) -> Path:
    """A private home: nobody but root passes."""
    folder = area / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Let only this account be possible."""

    def choose(account: Account) -> None:
        monkeypatch.setattr(placing, "candidates", lambda owner: [account])

    return choose


@contextmanager
def database(data: Path) -> Iterator[psycopg.Connection[tuple[int]]]:
    share = postgres.hold(data)
    try:
        with psycopg.connect(postgres.address(data).conninfo(), autocommit=True) as connection:
            yield connection
    finally:
        share.release()
    assert not cluster.is_running(data)


def keep_a_row(data: Path) -> None:
    with database(data) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(data: Path) -> int | None:
    with database(data) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    return row and row[0]


def owner(data: Path) -> int:
    return (shelf.front(data) / "data").stat().st_uid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def record(data: Path) -> tuple[str, int]:
    found = json.loads((data / "embedded.json").read_text())
    return found["account"], found["uid"]


@BOTH
def test_root_runs_it_as_another_account_which_is_recorded(area: Path, use: Use, account: Account) -> None:
    use(account)
    data = area / "data"
    keep_a_row(data)
    assert kept_row(data) == 42
    assert record(data) == (account.method, account.uid)
    assert owner(data) == account.uid
    assert not shelf.front(data).is_symlink()
    assert not list((area / "shelves").iterdir())


@pytest.mark.parametrize(("first", "then"), [(NAMESPACE, STEPPED), (STEPPED, NAMESPACE)])
def test_after_a_change_of_account_the_same_rows_are_there(area: Path, use: Use, first: Account, then: Account) -> None:
    data = area / "data"
    for account in (first, then, first):
        use(account)
        if account is first and not data.exists():
            keep_a_row(data)
        assert kept_row(data) == 42
        assert owner(data) == account.uid


def test_under_a_private_home_the_files_go_to_a_shelf_and_nothing_is_opened(home: Path, area: Path, use: Use) -> None:
    use(STEPPED)
    data = home / "checkout" / "data"
    data.mkdir(parents=True, mode=0o700)
    keep_a_row(data)
    assert kept_row(data) == 42
    place = shelf.front(data).readlink()
    assert place.parent.parent == area / "shelves"
    assert [mode(path) for path in (home, data)] == [0o700, 0o700]
    assert (mode(place.parent), place.parent.stat().st_uid) == (0o711, 0)
    assert (mode(place), place.stat().st_uid) == (0o700, NOBODY)


def test_programs_under_a_private_home_are_copied_with_their_libraries(
    home: Path, area: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(STEPPED)
    installed = placing._wheel().parent
    for folder in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(folder, home / "site" / folder.name, copy_function=os.link)
    monkeypatch.syspath_prepend(home / "site")
    data = area / "data"
    keep_a_row(data)
    assert kept_row(data) == 42
    assert not shelf.front(data).is_symlink()
    copies = list((area / "shelves").glob("coach-*/programs-*"))
    assert len(copies) == 1
    assert sum(path.stat().st_size for path in copies[0].rglob("*") if path.is_file()) < 60_000_000
    assert not list(copies[0].rglob("__init__.py"))


def test_rows_follow_when_root_has_to_leave_a_private_home_and_when_it_need_not_any_more(home: Path, use: Use) -> None:
    data = home / "data"
    use(NAMESPACE)
    keep_a_row(data)
    assert not shelf.front(data).is_symlink()
    use(STEPPED)
    assert kept_row(data) == 42
    assert shelf.front(data).is_symlink()
    assert not (data / "postgres.old").exists()
    use(NAMESPACE)
    assert kept_row(data) == 42
    assert owner(data) == 0


def test_in_another_users_folder_root_steps_down_to_that_user(area: Path) -> None:
    user = next(user for user in pwd.getpwall() if user.pw_uid not in (0, NOBODY))
    data = area / "data"
    data.mkdir()
    os.chown(data, user.pw_uid, user.pw_gid)
    keep_a_row(data)
    assert kept_row(data) == 42
    assert owner(data) == user.pw_uid
    assert {path.stat().st_uid for path in data.iterdir() if path.suffix == ".lock"} == {user.pw_uid}


def test_a_cluster_of_a_user_without_a_name_is_run_as_that_user(area: Path) -> None:
    data = area / "data"
    keep_a_row(data)
    for path in (data, *data.rglob("*")):
        os.chown(path, NAMELESS, NAMELESS, follow_symlinks=False)
    assert kept_row(data) == 42
    assert owner(data) == NAMELESS


def test_initdb_gets_a_name_for_a_user_without_one() -> None:
    assert NAMESPACE.run(["id", "-nu"]).stdout == "nobody\n"
    assert Account("self", NAMELESS, NAMELESS).with_name() == Account("namespace", NAMELESS, NAMELESS)
    assert Account("self", NOBODY, NOBODY).with_name() == Account("self", NOBODY, NOBODY)


def test_a_data_folder_that_was_moved_finds_its_shelf(home: Path, use: Use) -> None:
    use(STEPPED)
    keep_a_row(home / "data")
    (home / "data").rename(home / "moved")
    assert kept_row(home / "moved") == 42
    assert kept_row(home / "moved") == 42


def test_a_copy_of_a_data_folder_does_not_share_the_shelf_unawares(home: Path, use: Use) -> None:
    use(STEPPED)
    keep_a_row(home / "data")
    shutil.copytree(home / "data", home / "copy", symlinks=True)
    with pytest.raises(Refused, match="is a copy of"):
        postgres.hold(home / "copy")
    assert kept_row(home / "data") == 42


def test_a_link_that_leads_elsewhere_is_not_followed(area: Path, home: Path) -> None:
    data = area / "data"
    data.mkdir()
    shelf.front(data).symlink_to(home)
    with pytest.raises(Refused, match="no database of ours"):
        postgres.hold(data)
    assert not list(home.iterdir())


def test_a_shelf_that_others_may_write_to_is_refused(home: Path, area: Path, use: Use) -> None:
    use(STEPPED)
    made = area / "shelves" / shelf.folder_name(home / "data")
    made.mkdir()
    made.chmod(0o777)
    with pytest.raises(Refused, match="not safe"):
        postgres.hold(home / "data")


@pytest.mark.parametrize("killed_after", ["the old folder was set aside", "the link was made"])
def test_a_move_that_was_killed_is_taken_up_again(home: Path, use: Use, killed_after: str) -> None:
    data = home / "data"
    use(NAMESPACE)
    keep_a_row(data)
    if killed_after == "the link was made":
        use(STEPPED)
        assert kept_row(data) == 42
        (data / "postgres.old").mkdir()
    else:
        shelf.front(data).rename(data / "postgres.old")
        use(STEPPED)
    assert kept_row(data) == 42
    assert not (data / "postgres.old").exists()


def test_a_new_data_folder_of_the_same_name_does_not_lose_what_the_shelf_still_holds(
    home: Path, area: Path, use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    use(STEPPED)
    keep_a_row(home / "data")
    shutil.rmtree(home / "data")
    keep_a_row(home / "data")
    assert "is kept as" in capsys.readouterr().err
    assert len(list((area / "shelves").glob("coach-*/postgres.2*/data/PG_VERSION"))) == 1


@BOTH
def test_a_path_too_long_for_a_socket_puts_it_on_the_shelf(area: Path, use: Use, account: Account) -> None:
    use(account)
    data = area / ("long" * 20) / ("er" * 20) / "data"
    data.mkdir(parents=True)
    for folder in (data, *data.parents[:2]):
        folder.chmod(0o711)
    keep_a_row(data)
    assert kept_row(data) == 42
    socket = Path(postgres.address(data).host)
    assert socket.parent.parent == area / "shelves"
    assert (mode(socket), socket.stat().st_uid) == (0o700, account.uid)
