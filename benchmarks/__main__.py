"""`python -m benchmarks`: what a token and a turn cost, beside the SDKs by themselves, in one interleaved run.

Starts the stub vendor and the server as `./run` does, on ports and in a data folder of their own, and ends them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

import uvloop

from benchmarks import load, picture

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SHORT, LONG, RATE = 5, 65, 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, path: str = "", patience: float = 120) -> None:
    """Until something listens there, and answers 200 where a path is given."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as wire:
                if not path:
                    return
                wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                if b" 200 " in wire.recv(64):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"Nothing answers on port {port}.")


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def postmaster(data: Path) -> int:
    """The embedded server's process."""
    files = list(data.resolve().rglob("postmaster.pid"))
    return int(files[0].read_text().split()[0])


class Bench:
    """One run: a server, a stub, and the costs found so far."""

    def __init__(self, port: int, vendor: int, server: int, database: int, streams: int) -> None:
        self._port, self._vendor, self._server, self._database, self._streams = port, vendor, server, database, streams
        self.costs: dict[str, list[load.Cost]] = {}
        self.database_ms: dict[str, list[float]] = {}
        self.delays: list[float] = []

    def _cpu(self) -> tuple[float, float]:
        return load.cpu_seconds(load.family(self._server)), load.cpu_seconds(load.family(self._database))

    async def brain(self, alias: str) -> None:
        """A short and a long round of turns with this brain."""
        await load.post(self._port, "/brain/switch", {"brain": alias})
        points: list[tuple[int, float]] = []
        for words in (SHORT, LONG):
            sessions = await load.start(self._port, self._streams)
            server, database = self._cpu()
            heard = await load.listen(self._port, sessions, f"stub-{words}-{RATE}", ramp=2)
            await asyncio.sleep(0.3)
            server_after, database_after = self._cpu()
            if any(not one.complete or one.deltas != words for one in heard):
                raise SystemExit(f"{alias}: a stream is not whole.")
            points.append((words, (server_after - server + database_after - database) / self._streams))
            self.database_ms.setdefault(alias, []).append((database_after - database) / self._streams * 1e3)
            self.delays += [delay for one in heard for delay in one.delays[1:]]
        self.costs.setdefault(alias, []).append(load.fit(points[0], points[1]))

    async def scripted(self) -> None:
        """Whole turns of the config brain, at its own length."""
        await load.post(self._port, "/brain/switch", {"brain": "config"})
        sessions = await load.start(self._port, self._streams)
        before = sum(self._cpu())
        heard = await load.listen(self._port, sessions, "Tell me how to sleep better", ramp=2)
        await asyncio.sleep(0.3)
        spent = sum(self._cpu()) - before
        words = sum(one.deltas for one in heard)
        self.costs.setdefault("config, all of it", []).append(load.Cost(spent / words * 1e6, 0))

    def alone(self, kind: str) -> None:
        """The SDK by itself."""
        points = []
        for words in (SHORT, LONG):
            arguments = [kind, f"http://127.0.0.1:{self._vendor}", str(self._streams), f"stub-{words}-{RATE}", "2"]
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "benchmarks.alone", *arguments],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            spent, count = done.stdout.split()
            if int(count) != words * self._streams:
                raise SystemExit(f"{kind} alone: a stream is not whole.")
            points.append((words, float(spent) / self._streams))
        self.costs.setdefault(f"{kind}: the SDK alone", []).append(load.fit(points[0], points[1]))


async def measure(bench: Bench, rounds: int) -> None:
    await bench.scripted()
    for alias in ("claude", "openai"):
        await bench.brain(alias)
    bench.costs, bench.database_ms, bench.delays = {}, {}, []  # that was to warm up
    for number in range(1, rounds + 1):
        for kind in ("claude", "openai"):
            print(f"round {number} of {rounds}: {kind} …", end="\r", file=sys.stderr, flush=True)  # noqa: T201
            await bench.brain(kind)
            bench.alone(kind)
        await bench.scripted()
    print(" " * 40, end="\r", file=sys.stderr)  # noqa: T201


def report(bench: Bench, rounds: int, streams: int) -> dict[str, object]:
    """Print the table, and give what is written as JSON."""
    medians = {name: load.median(costs) for name, costs in bench.costs.items()}
    print(f"{'':24}{'CPU a token, µs':>17}{'CPU a turn besides, ms':>25}")  # noqa: T201
    for name in sorted(medians):
        turn = f"{medians[name].per_turn_ms:.2f}" if medians[name].per_turn_ms else ""
        print(f"{name:24}{medians[name].per_token_us:17.1f}{turn:>25}")  # noqa: T201
    delays = sorted(bench.delays)
    late = {f"p{share}": round(delays[int(len(delays) * share / 100)], 2) for share in (50, 95, 99)}
    database = {alias: round(sorted(found)[len(found) // 2], 2) for alias, found in bench.database_ms.items()}
    print(f"\nof a turn, PostgreSQL: {database} ms; a token's delay from the vendor's write to the client: {late} ms")  # noqa: T201
    return {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": rounds,
        "streams": streams,
        "words": [SHORT, LONG],
        "words_per_second": RATE,
        "medians": {
            name: {key: round(value, 2) for key, value in asdict(cost).items()} for name, cost in medians.items()
        },
        "each": {name: [round(cost.per_token_us, 1) for cost in costs] for name, costs in bench.costs.items()},
        "database_ms_a_turn": database,
        "token_delay_ms": late,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=100)
    asked = parser.parse_args()
    port, vendor, data = free_port(), free_port(), ROOT / ".data" / "benchmarks"
    url = f"http://127.0.0.1:{vendor}"
    environment = {
        "PORT": str(port),
        "COACH_DATA": str(data),
        "DATABASE_URL": "",
        "WEB_CONCURRENCY": "1",
        "COACH_PACE": "20",
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{url}/v1",
    }
    with (
        running([sys.executable, "-m", "benchmarks.vendor", str(vendor)], {}),
        running(["./run"], environment) as server,
    ):
        wait_for(vendor)
        wait_for(port, "/health/ready")
        bench = Bench(port, vendor, server.pid, postmaster(data), asked.streams)
        uvloop.run(measure(bench, asked.rounds))
    result = report(bench, asked.rounds, asked.streams)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    picture.draw(result, RESULTS / "latest.svg")


if __name__ == "__main__":
    main()
