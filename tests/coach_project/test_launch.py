from __future__ import annotations

import socket
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from coach_project import launch
from coach_project.launch import Refused


@pytest.fixture(autouse=True)
def _no_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "BASE_DIR", tmp_path)


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("HOST", "PORT", "WEB_CONCURRENCY", "COACH_AUTH", "COACH_DATA", "COACH_DRAIN_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_DIRECT_URL", raising=False)
    return monkeypatch


def test_without_a_word_it_is_the_embedded_database_on_the_loopback_address(
    unset: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = launch.read()
    assert (asked.host, asked.port, asked.workers, asked.auth) == ("127.0.0.1", 5001, 1, "token")
    assert asked.embedded
    assert asked.data == tmp_path / ".data"


def test_a_server_of_ones_own_gets_two_workers_and_may_have_a_direct_address(unset: pytest.MonkeyPatch) -> None:
    unset.setenv("DATABASE_URL", "postgresql://pooler/coach")
    assert launch.read().workers == 2
    assert launch.read().direct_url == "postgresql://pooler/coach"
    unset.setenv("DATABASE_DIRECT_URL", "postgresql://db/coach")
    assert launch.read().direct_url == "postgresql://db/coach"
    assert not launch.read().embedded


def test_the_environment_comes_before_the_dotenv_file(unset: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=6001\nHOST=localhost\n")
    unset.setenv("PORT", "6002")
    assert (launch.read().host, launch.read().port) == ("localhost", 6002)


def test_every_mistyped_value_is_told(unset: pytest.MonkeyPatch) -> None:
    unset.setenv("PORT", "70000")
    unset.setenv("WEB_CONCURRENCY", "many")
    unset.setenv("COACH_AUTH", "closed")
    with pytest.raises(ImproperlyConfigured) as told:
        launch.read()
    assert [line.split()[0] for line in str(told.value).splitlines()] == ["PORT", "WEB_CONCURRENCY", "COACH_AUTH"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"])
def test_open_mode_may_listen_on_a_loopback_address(host: str) -> None:
    assert launch.refusal("open", [host]) is None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.0.2.1", "::ffff:192.0.2.1", "no-such-host.invalid", "unix:/x"]
)
def test_open_mode_listens_nowhere_else(host: str) -> None:
    sentence = launch.refusal("open", ["127.0.0.1", host])
    assert sentence is not None
    assert "HOST=127.0.0.1" in sentence
    assert sentence.count("\n") == 0


def test_token_mode_starts_on_any_address_once_nothing_lacks() -> None:
    assert launch.refusal("token", ["0.0.0.0"]) is None
    sentence = launch.refusal("token", ["0.0.0.0"], ["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"])
    assert sentence is not None
    assert "DJANGO_SECRET_KEY and DJANGO_ALLOWED_HOSTS" in sentence
    assert sentence.count("\n") == 0


@pytest.mark.parametrize(
    ("host", "lacks"),
    [
        pytest.param("127.0.0.1", ("DJANGO_SECRET_KEY",), id="this-machine"),
        pytest.param("0.0.0.0", ("DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"), id="all-machines"),
    ],
)
def test_what_a_token_server_lacks_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, host: str, lacks: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOST", host)
    for name in ("DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "")
    assert launch.read().lacks == lacks
    for name in lacks:
        monkeypatch.setenv(name, "something")
    assert launch.read().lacks == ()


def test_a_port_that_is_taken_is_told_by_the_name_of_the_setting() -> None:
    with launch.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} is taken.*PORT="):
            launch.listen("127.0.0.1", port)
    with launch.listen("127.0.0.1", port) as again:
        assert again.getsockname() == ("127.0.0.1", port)


def test_a_port_is_held_from_the_start_and_clients_may_come_already() -> None:
    with launch.listen("localhost", 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(Refused, match=f"HOST={host}"):
        launch.listen(host, 5001)
