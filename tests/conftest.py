"""What every test may use: the database, real servers, and no way to the network."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from django.conf import settings

from coach_project import cluster, postgres, shelf
from coach_project.account import candidates
from coach_project.launch import Refused, is_loopback
from tests import databases
from tests.serving import SECRET, Server
from tests.settings import RUN
from tests.vendor import Scenario, Vendor

Serve: TypeAlias = Callable[..., Server]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = "The browser tests were not run, for want of a Chromium: apt-get install chromium"

_share = pytest.StashKey[postgres.Hold]()
_logged = pytest.StashKey[int]()


# --- The network --------------------------------------------------------------------------------------------------
def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise RuntimeError(f"A test reached for the network: {address[0]}")


sys.addaudithook(_refuse_the_network)


# --- The database -------------------------------------------------------------------------------------------------
def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Hold the embedded server while any test runs; the workers of a parallel run live within that."""
    config = session.config
    if _is_worker(config) or config.option.collectonly:
        return
    try:
        if settings.EMBEDDED_DATABASE:
            config.stash[_share] = postgres.hold(settings.COACH_DATA)
            config.stash[_logged] = _postgresql_log().stat().st_size
            databases.drop_of_dead_runs()
    except Refused as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def _postgresql_log() -> Path:
    return shelf.front(Path(settings.COACH_DATA)) / "log"


def _leak(config: pytest.Config) -> str:
    """A secret or a canary that the embedded server has logged in this run; each test's own servers are looked at as they end."""
    if _logged not in config.stash:
        return ""
    with _postgresql_log().open("rb") as log:
        log.seek(config.stash[_logged])
        found = SECRET.search(log.read().decode(errors="replace"))
    return found[0] if found else ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if _is_worker(config) or config.option.collectonly:
        return
    databases.drop_all_of(RUN)
    if leak := _leak(config):
        print(f"\nPostgreSQL's log holds what it must not: {leak}")  # noqa: T201 — the run has failed by it
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if share := config.stash.get(_share, None):
        share.release()


# --- What a machine may lack --------------------------------------------------------------------------------------
def nginx() -> str | None:
    """The program; on Debian it is not in everybody's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _has_chromium() -> bool:
    return any(shutil.which(name) for name in CHROMIUM)


def _has_redis() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", 6379), 1):
            return True
    except OSError:
        return False


def _has_nginx() -> bool:
    return nginx() is not None


def _has_accounts() -> bool:
    return os.geteuid() == 0 and all(account.works() for account in candidates(None))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't run here. .ci/run demands a Chromium."""
    for marker, has in (
        ("browser", _has_chromium),
        ("accounts", _has_accounts),
        ("redis", _has_redis),
        ("nginx", _has_nginx),
    ):
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not has():
            config.hook.pytest_deselected(items=marked)
            items[:] = [item for item in items if item not in marked]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    asked_for = config.args_source is pytest.Config.ArgsSource.ARGS or config.option.markexpr == "timing"
    if not asked_for and not _has_chromium():
        terminalreporter.write_line(NO_CHROMIUM)


# --- Data folders -------------------------------------------------------------------------------------------------
@contextmanager
def _area() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="coach-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    for data in [path.parent for path in folder.rglob("start.lock")]:
        cluster.stop(data)
        shutil.rmtree(shelf.SHELVES / shelf.folder_name(data), ignore_errors=True)
    for _ in range(100):  # an initdb that was told to stop may be tidying up in there, too
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{folder} can't be removed.")


@pytest.fixture
def area() -> Iterator[Path]:
    """A folder that every account may pass through, with a short path; the servers below it are ended in the end."""
    with _area() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared_area() -> Iterator[Path]:
    """One for all tests of a module."""
    with _area() as folder:
        yield folder


# --- The vendor ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def _one_vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def vendor(_one_vendor: Vendor) -> Vendor:
    """The stub vendor, which has not been asked anything yet."""
    _one_vendor.reset()
    _one_vendor.base = Scenario()
    return _one_vendor


# --- Servers ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], Server]:
    def start(environment: dict[str, str]) -> Server:
        log = tmp_path_factory.mktemp("server") / "log"
        return Server(databases.copy_of_template(), log, environment)

    return start


def _end(server: Server) -> None:
    server.close()
    databases.drop(server.where.name)
    assert not server.complaint(), server.complaint()


@pytest.fixture
def server(_started: Callable[[dict[str, str]], Server]) -> Iterator[Serve]:
    """Start servers of this test's own: `server(COACH_BRAIN="claude", ANTHROPIC_BASE_URL=…)`, each with a new database."""
    mine: list[Server] = []

    def serve(**environment: str) -> Server:
        mine.append(_started(environment))
        return mine[-1]

    yield serve
    for one in mine:
        _end(one)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., tuple[Server, Server]]]:
    """Two servers of one worker each on one new database: what reaches which is the test's choice."""
    mine: list[Server] = []

    def serve(**environment: str) -> tuple[Server, Server]:
        where = databases.copy_of_template()
        for _ in range(2):
            mine.append(Server(where, tmp_path_factory.mktemp("server") / "log", environment))
        return mine[-2], mine[-1]

    yield serve
    for one in mine:
        one.close()
    for name in {one.where.name for one in mine}:
        databases.drop(name)
    assert not [one.complaint() for one in mine if one.complaint()]


@pytest.fixture(scope="session")
def coach(_started: Callable[[dict[str, str]], Server]) -> Iterator[Server]:
    """A server that tests share, with whatever other tests leave in it: for what one session of one's own shows."""
    shared = _started({})
    yield shared
    _end(shared)


@pytest.fixture(scope="session")
def _vendored(_started: Callable[[dict[str, str]], Server], _one_vendor: Vendor) -> Iterator[Server]:
    shared = _started(
        {
            "COACH_BRAIN": "claude",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": _one_vendor.url,
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": _one_vendor.openai_url,
            "COACH_BREAKER_FAILURES": "1000",  # one test's failures must not be another's
        }
    )
    yield shared
    _end(shared)


@pytest.fixture
def vendored(_vendored: Server, vendor: Vendor) -> Server:
    """As `coach`, with claude for its brain: what it says is what `vendor` is told to. openai is there to be chosen."""
    return _vendored


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """The environment of a person who starts a command: nothing of the tests' own in it."""
    ours = ("COACH_", "DJANGO_", "ANTHROPIC_", "OPENAI_", "PYTEST", "DATABASE_")
    return {name: value for name, value in os.environ.items() if value and not name.startswith(ours)}
