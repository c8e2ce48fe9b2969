"""What happens to turns when PostgreSQL goes away, comes back, or has few connections to give."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coach_project import cluster, postgres
from tests import databases
from tests.api import Api, Listening
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.xdist_group("own-database")


class OwnDatabase:
    """An embedded server of these tests' own, to be stopped and started."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.share = postgres.hold(data)
        databases.fill(postgres.address(data))

    def stop(self) -> None:
        assert cluster.stop(self.data)

    def start(self) -> None:
        postgres.hold(self.data).release()

    def close(self) -> None:
        self.share.release()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as stub:
        yield stub


@pytest.fixture(scope="module")
def _database(shared_area: Path) -> Iterator[OwnDatabase]:
    own = OwnDatabase(shared_area / "data")
    yield own
    own.close()


@pytest.fixture
def database(_database: OwnDatabase) -> Iterator[OwnDatabase]:
    """It runs, and is left running."""
    yield _database
    _database.start()


@pytest.fixture
def start(
    vendor: Vendor, database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    vendor.reset()
    started: list[Server] = []

    def serve(**environment: str) -> Server:
        brain = {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": vendor.url}
        log = tmp_path_factory.mktemp("server") / "log"
        started.append(Server(postgres.address(database.data), log, {**brain, **environment}))
        return started[-1]

    yield serve
    for server in started:
        server.close()
        assert not server.complaint()


def until(true: Callable[[], bool], patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_row_27_a_database_that_is_down_is_told_of_before_any_call_and_found_again(
    vendor: Vendor, database: OwnDatabase, start: Callable[..., Server]
) -> None:
    coach = start()
    api = Api(coach.url)
    session = api.start()
    assert api.message(session, "Hello").status_code == 200
    database.stop()
    asked = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        asking = [
            pool.submit(api.message, session, "Hello"),
            pool.submit(api.http.post, "/chat/stream", json={"session_id": session, "message": "Hello"}),
            pool.submit(api.http.post, "/chat/start", json={}),
            pool.submit(api.http.get, f"/chat/turns/turn_{'0' * 32}/stream"),
        ]
    for answer in (each.result() for each in asking):
        assert (answer.status_code, answer.json()["error"]) == (503, "database_unavailable"), answer.text
        assert int(answer.headers["retry-after"]) > 0
    assert time.monotonic() - asked < 20
    again = time.monotonic()
    assert api.message(session, "Hello").status_code == 503
    assert time.monotonic() - again < 3  # what is known is not waited for
    assert len(vendor.turns) == 1
    assert api.http.get("/health/ready").status_code == 503
    database.start()
    until(lambda: api.message(session, "Hello again").status_code == 200)
    assert [message["content"] for message in api.session(session)["messages"][::2]] == ["Hello", "Hello again"]


def test_row_28_a_restart_of_the_database_in_mid_stream_is_not_noticed(
    vendor: Vendor, database: OwnDatabase, start: Callable[..., Server]
) -> None:
    vendor.next(Scenario(words=120, pace=0.05))
    coach = start()
    api = Api(coach.url)
    session = api.start()
    listening = Listening(Api(coach.url).stream, session, "Hello")
    until(lambda: bool(vendor.turns and vendor.turns[0].sent > 30))
    database.stop()
    database.start()
    reply = listening.reply()
    assert reply.end["status"] == "complete"
    gaps = [after - at for at, after in zip(reply.times, reply.times[1:-1], strict=False)]
    assert max(gaps) < 2
    stored = api.session(session)["messages"][-1]
    assert (stored["status"], stored["content"]) == ("complete", reply.text)
    assert api.message(session, "And now?").status_code == 200


def test_row_28_a_reply_that_cannot_be_stored_is_never_called_done_and_stored_later(
    vendor: Vendor, database: OwnDatabase, start: Callable[..., Server]
) -> None:
    vendor.next(Scenario(words=40, pace=0.05))
    coach = start(COACH_LEASE_TIMEOUT="3")
    api = Api(coach.url)
    session = api.start()
    listening = Listening(Api(coach.url).stream, session, "Hello")
    until(lambda: bool(vendor.turns and vendor.turns[0].sent > 10))
    database.stop()
    reply = listening.reply()
    assert (reply.end["error"], reply.end["retryable"]) == ("not_saved", True)
    database.start()
    detail = api.wait_for(session, "interrupted", patience=90)
    assert detail["messages"][-1]["content"] == reply.text
    assert api.message(session, "And now?").status_code == 200
    log = coach.log.read_text()
    assert log.count("could not be stored") == 1
    assert "steady breath" not in log
