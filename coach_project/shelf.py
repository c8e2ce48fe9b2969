"""The shelf: root's own folder under /var/lib for one COACH_DATA that the server's account can't reach.

It holds the server's folder, to which COACH_DATA/postgres is then a link, a copy of the programs, and the socket where
its own place would have too long a path. `origin` names the COACH_DATA it is for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from coach_project.launch import Refused
from coach_project.progress import say

SHELVES = Path("/var/lib")
INSTEAD = "set DATABASE_URL to a PostgreSQL (15 or newer) instead."
SOCKET = ".s.PGSQL.5432"


def front(data: Path) -> Path:
    """The server's folder in COACH_DATA, or the link to it."""
    return data / "postgres"


def folder_name(data: Path) -> str:
    """A name of its own for each COACH_DATA."""
    return f"coach-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"


def shelf(data: Path) -> Path:
    """This COACH_DATA's shelf, made or checked; Refused where it can't be had or others could write to it."""
    link = front(data)
    if link.is_symlink():
        return link.readlink().parent
    found = safe_folder(SHELVES / folder_name(data), 0, 0o711)
    if not (found / "origin").exists():
        (found / "origin").write_bytes(os.fsencode(data))
    return found


def safe_folder(folder: Path, uid: int, mode: int) -> Path:
    """Make the folder with just this mode, or check that the one there is `uid`'s and no more open; Refused."""
    try:
        parent = folder.parent.stat()
        if parent.st_uid not in (0, os.geteuid()) or parent.st_mode & 0o002:
            raise Refused(f"{folder.parent} is open to other writers, so nothing can be kept in it: {INSTEAD}")
        try:
            folder.mkdir()
            folder.chmod(mode)
            os.chown(folder, uid, -1)
        except FileExistsError:
            pass
        found = folder.lstat()
    except OSError as error:
        raise Refused(f"{folder} can't be used ({error.strerror}): {INSTEAD}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o777 & ~mode:
        raise Refused(f"{folder} is not safe: it has to be a folder of uid {uid} with mode {mode:o}.")
    return folder


def check_link(data: Path) -> None:
    """See that a link leads to this COACH_DATA's shelf, also after it was moved; Refused where it was copied.

    Two copies would share one database unawares.
    """
    link = front(data)
    if not link.is_symlink():
        return
    target = link.readlink()
    place = target.parent
    if place.parent != SHELVES or not place.name.startswith("coach-") or not target.is_dir():
        raise Refused(f"{link} leads to {target}, which holds no database of ours: remove the link, or {INSTEAD}")
    safe_folder(place, 0, 0o711)
    origin = Path(os.fsdecode((place / "origin").read_bytes()))
    if origin == data:
        return
    if front(origin).is_symlink() and front(origin).readlink() == target:
        raise Refused(f"{data} is a copy of {origin}, whose database lies in {target}: set another COACH_DATA.")
    (place / "origin").write_bytes(os.fsencode(data))


def move_in(data: Path, uid: int, gid: int) -> Path:
    """Move the server's folder to the shelf and leave a link; a move that is killed leaves the old folder in force."""
    place, link = shelf(data), front(data)
    target, fresh, old = place / "postgres", place / "postgres.new", data / "postgres.old"
    if target.exists():
        aside = target.with_name(f"postgres.{time.strftime('%Y%m%d-%H%M%S')}")
        target.rename(aside)
        say(f"{target} held a database that {data} no longer names; it is kept as {aside}.")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(link, fresh, symlinks=True, ignore=shutil.ignore_patterns(SOCKET + "*"))
    give(fresh, uid, gid)
    os.sync()
    fresh.rename(target)
    link.rename(old)
    link.symlink_to(target)
    shutil.rmtree(old)
    return target


def finish_move(data: Path) -> None:
    """Finish, or take back, a move that was killed."""
    link, old = front(data), data / "postgres.old"
    if old.exists() and link.is_symlink():
        shutil.rmtree(old)
    elif old.exists() and not link.exists():
        old.rename(link)


def give(folder: Path, uid: int, gid: int) -> None:
    """Make everything in a folder, and at last the folder itself, another account's."""
    for path in _deepest_first(folder):
        os.chown(path, uid, gid, follow_symlinks=False)


def _deepest_first(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder, topdown=False):
        yield from (Path(where) / name for name in files)
        yield from (Path(where) / name for name in folders if (Path(where) / name).is_symlink())
        yield Path(where)
