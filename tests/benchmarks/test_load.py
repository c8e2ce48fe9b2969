"""The measuring stick itself: the stub is what the SDKs take for a vendor, the client sees all of a stream."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import load, processes
from benchmarks.stack import ROOT, System, Vendor, free_port, running, wait_for


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    port = free_port()
    log = tmp_path_factory.mktemp("vendor") / "log"
    with running([sys.executable, "-m", "benchmarks.vendor", str(port)], {}, log):
        wait_for(port)
        yield Vendor(port)


@pytest.fixture
def system(stub: Vendor) -> System:
    return System("the stub", stub.port, "vendor", ())


async def _cut(stub: Vendor, count: int) -> None:
    """The stub hears in its own time that a client has gone."""
    for _ in range(1000):
        if (await stub.count())["cut"] >= count:
            return
    raise AssertionError("The stub did not hear of it.")


@pytest.mark.parametrize("kind", ["claude", "responses", "chat"])
def test_the_sdks_hear_every_delta_of_the_stub(stub: Vendor, kind: str) -> None:
    arguments = [kind, stub.url, "3", "stub-7-0", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alone", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    spent, count = done.stdout.split()
    assert float(spent) > 0
    assert int(count) == 3 * 7


def test_streams_are_held_until_the_vendor_goes_on(stub: Vendor, system: System) -> None:
    async def work() -> None:
        before = await stub.count()
        streams = await load.hold(stub.port, await system.requests(3, "stub-4-100-hold"), 0)
        assert [len(stream.delays) for stream in streams] == [1, 1, 1]
        assert (await stub.count())["running"] == before["running"] + 3
        assert all(stream.added is not None and 0 < stream.added < 10_000_000 for stream in streams)
        streams[0].vanish()
        await streams[0].ended
        await _cut(stub, before["cut"] + 1)
        await stub.release()
        await asyncio.gather(*(stream.ended for stream in streams))
        assert [(stream.complete, len(stream.delays)) for stream in streams] == [(False, 1), (True, 4), (True, 4)]
        after = await stub.count()
        assert (after["running"], after["cut"]) == (before["running"], before["cut"] + 1)

    asyncio.run(asyncio.wait_for(work(), 30))


def test_a_relay_passes_every_delta_on(stub: Vendor, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "asgi", "--bind", f"127.0.0.1:{port}"]

    async def work() -> None:
        relay = System("relay", port, "relay", ())
        streams = await load.play(port, await relay.requests(3, "stub-5-100"), 0)
        load.check(streams, 5, "relay")

    with running([*command, "benchmarks.relay:application"], {"RELAY_VENDOR": stub.url}, tmp_path / "log") as process:
        wait_for(port, "/", process)
        asyncio.run(work())


def test_a_stream_that_is_not_whole_ends_the_run(stub: Vendor, system: System) -> None:
    async def work() -> None:
        streams = await load.hold(stub.port, await system.requests(1, "stub-2-0-hold"), 0)
        with pytest.raises(SystemExit, match="1 of 1 streams are not whole"):
            load.check(streams, 2, "the stub")
        streams[0].vanish()

    asyncio.run(work())


def test_cpu_time_counts_a_process_and_its_children() -> None:
    def spent() -> float:
        return processes.cpu_seconds([os.getpid()])

    before, end = spent(), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert spent() - before >= 0.1
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert spent() - before >= 0.39  # of ended children the kernel keeps whole ticks


def test_a_family_is_a_process_and_all_below_it() -> None:
    command = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '60'])"]
    with subprocess.Popen(command) as parent:
        try:
            while len(found := processes.family(parent.pid)) < 2:
                assert parent.poll() is None
            assert found[0] == parent.pid
            assert parent.pid in processes.family(os.getpid())
            os.kill(found[1], signal.SIGKILL)
        finally:
            parent.kill()


def test_memory_and_threads_are_a_processs_own() -> None:
    held = b"x" * 20_000_000
    assert processes.memory_kb([os.getpid()]) * 1024 > len(held)
    assert processes.threads([os.getpid()]) >= 1
