"""Runs a command in a user namespace in which this process is an ordinary user: PostgreSQL refuses to run as root.

A script of its own, `python -I -S namespace.py UID COMMAND…`, because the change must come between fork and exec, where a
process with threads must not run Python. Files that the command makes belong, seen from outside, to whoever ran it.
"""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000


def enter(inside: int) -> None:
    """Become the user `inside` of a new user namespace; OSError where the machine forbids it (user_namespaces(7))."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, line in (("setgroups", "deny"), ("uid_map", f"{inside} {uid} 1"), ("gid_map", f"{inside} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)


if __name__ == "__main__":
    try:
        enter(int(sys.argv[1]))
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 — no shell is wanted
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
