"""Under which account the embedded server's programs run: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Method: TypeAlias = Literal["self", "namespace", "stepped"]

NOBODY = 65534
NAMESPACE = Path(__file__).with_name("namespace.py")


@dataclass(frozen=True, slots=True)
class Account:
    """`self`: whoever we are. `namespace`: as root, an ordinary user of a user namespace, whose files are root's.
    `stepped`: as root, a plain change to another uid, for which no user has to exist.

    `uid` and `gid` own the files, seen from outside.
    """

    method: Method
    uid: int
    gid: int

    def run(self, command: Sequence[str | Path], *, keep: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
        """Run to its end, out of reach of the terminal's signals; `keep`: descriptors that it inherits.

        OSError where it can't be started. What our caller's environment says about PostgreSQL does not get through.
        Where we are interrupted, it is killed with all that it has begun.
        """
        words = [str(word) for word in command]
        more: dict[str, Any] = {}
        match self.method:
            case "namespace":
                words = [sys.executable, "-I", "-S", str(NAMESPACE), str(named_uid()), *words]
            case "stepped":
                more = {"user": self.uid, "group": self.gid, "extra_groups": []}
        with subprocess.Popen(  # noqa: S603 — our own programs, no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": locale_name(), "TZ": "UTC"},
            start_new_session=True,
            pass_fds=tuple(keep),
            **more,
        ) as process:
            try:
                output, _ = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(words, process.returncode, output)

    def can(self, command: Sequence[str | Path]) -> bool:
        """Whether the command ends well."""
        try:
            return self.run(command).returncode == 0
        except OSError:
            return False

    def works(self) -> bool:
        """Whether this machine lets us run anything so."""
        return self.can(["/bin/sh", "-c", "exit 0"])

    def with_name(self) -> Account:
        """The account for initdb, which insists on a user's name where containers have bare numbers.

        A user namespace gives one: there we are a user whom the machine knows.
        """
        return self if is_named(self.uid) or self.method == "namespace" else Account("namespace", self.uid, self.gid)


def candidates(owner: tuple[int, int] | None) -> Iterator[Account]:
    """The accounts to try, best first. `owner`: uid and gid of a cluster that is there already.

    Root never takes the files of another user away: it steps down to that user instead.
    """
    if os.geteuid() != 0:
        yield Account("self", os.geteuid(), os.getegid())
        return
    namespace, stepped = Account("namespace", 0, 0), Account("stepped", named_uid(), named_uid())
    match owner:
        case None | (0, _):
            yield from (namespace, stepped)
        case (uid, _) if uid == stepped.uid:
            yield from (stepped, namespace)
        case (uid, gid):
            yield Account("stepped", uid, gid)


def named_uid() -> int:
    """Nobody's uid, or, where the machine has no such user, that of another who is not root."""
    if is_named(NOBODY):
        return NOBODY
    return next((user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0), NOBODY)


def is_named(uid: int) -> bool:
    """Whether the machine has a name for this user."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def locale_name() -> str:
    return "C" if sys.platform == "darwin" else "C.UTF-8"
