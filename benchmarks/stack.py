"""What a measurement needs: the stub vendor, the server as `./run` starts it, a bare relay, nginx; each ended when it is over."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks import load, processes
from coach_project import postgres
from coach_project.database_url import Where

ROOT = Path(__file__).resolve().parent.parent
GUNICORN = str(Path(sys.executable).with_name("gunicorn"))

NGINX = """
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/pid;
error_log {folder}/log;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream vendor {{ server 127.0.0.1:{vendor}; keepalive 1000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://vendor;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 3600;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class System:
    """Something that streams replies. `speaks`: our API, its bare likeness without sessions, or the vendor's own.

    `roots`: the processes that it and its database consist of, with all below them.
    """

    name: str
    port: int
    speaks: Literal["chat", "relay", "vendor"]
    roots: tuple[int, ...]

    def cpu(self) -> float:
        """Seconds so far, the database included."""
        return sum(processes.cpu_seconds(processes.family(root)) for root in self.roots)

    async def requests(self, count: int, message: str) -> list[bytes]:
        """That many requests for a reply; a session is started for each where there are sessions."""
        if self.speaks == "vendor":
            body = {"model": "stub", "max_tokens": 1024, "stream": True}
            lines = [{"role": "user", "content": message}]
            return [load.request("/v1/messages", {**body, "messages": lines})] * count
        sessions = await load.start(self.port, count) if self.speaks == "chat" else [""] * count
        return turns(sessions, message)


@dataclass(frozen=True, slots=True)
class Server(System):
    """Ours, with one worker and the embedded database in `data`."""

    data: Path

    @property
    def database(self) -> int:
        """The database's first process."""
        return self.roots[1]

    @property
    def worker(self) -> int:
        """The process that serves."""
        return processes.family(self.roots[0])[-1]

    def where(self, user: str = "") -> Where:
        """How to reach the database; as the superuser `postgres`, say."""
        where = postgres.address(self.data)
        return replace(where, user=user) if user else where

    async def use(self, brain: str) -> None:
        status, body = await load.post(self.port, "/brain/switch", {"brain": brain})
        if status != 200:
            raise SystemExit(f"The brain can't be switched: {status} {body[:300]!r}")


@dataclass(frozen=True, slots=True)
class Vendor:
    """The stub."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def count(self) -> dict[str, int]:
        """Fields of benchmarks.vendor.Count."""
        return await self._get("/count")

    async def release(self) -> None:
        """Let streams that are held go on."""
        await self._get("/release")

    async def _get(self, path: str) -> dict[str, int]:
        _, body = await load.answer(self.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return dict(json.loads(body))


class Stack:
    """Starts things; what it has started ends when `exits` closes. `data` keeps the databases and logs of all runs."""

    def __init__(self, exits: ExitStack, data: Path) -> None:
        self._exits = exits
        self._data = data
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o711)  # the database's account has to pass through
        port = free_port()
        self._start("vendor", [sys.executable, "-m", "benchmarks.vendor", str(port)], {})
        wait_for(port)
        self.vendor = Vendor(port)

    def server(self, name: str = "coach", **environment: str) -> Server:
        """Ours. Each name has a database of its own."""
        port, data, url = free_port(), self._data / name, self.vendor.url
        settings = {
            "PORT": str(port),
            "COACH_DATA": str(data),
            "DATABASE_URL": "",
            "WEB_CONCURRENCY": "1",
            "COACH_LIMITS": "off",
            "COACH_CONTEXT": "",  # what a turn costs without memory
            "COACH_BACKGROUND": "off",
            "COACH_MAX_TURNS": "100000",
            "COACH_IDLE_TIMEOUT": "900",  # streams are held in silence
            "COACH_TURN_TIMEOUT": "900",
            "ANTHROPIC_API_KEY": "k",
            "ANTHROPIC_BASE_URL": url,
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": f"{url}/v1",
        }
        process = self._start(name, ["./run"], {**settings, **environment})
        wait_for(port, "/health/ready", process)
        postmaster = (data / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
        return Server(name, port, "chat", (process.pid, int(postmaster)), data)

    def complaints(self, name: str) -> int:
        """Tracebacks in what a server has printed."""
        return (self._data / f"{name}.log").read_text(errors="replace").count("Traceback")

    def relay(self) -> System:
        port = free_port()
        words = ["--worker-class", "asgi", "--workers", "1", "--worker-connections", "100000", "--backlog", "4096"]
        command = [sys.executable, GUNICORN, *words, "--bind", f"127.0.0.1:{port}", "benchmarks.relay:application"]
        process = self._start("relay", command, {"RELAY_VENDOR": self.vendor.url})
        wait_for(port, "/", process)
        return System("relay", port, "relay", (process.pid,))

    def nginx(self) -> System | None:
        """None where it is not installed."""
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        if not program:
            return None
        folder, port = self._data / "nginx", free_port()
        folder.mkdir(exist_ok=True)
        text = NGINX.format(folder=folder, port=port, vendor=self.vendor.port, files=16_384)
        (folder / "conf").write_text(text, encoding="utf-8")
        process = self._start("nginx", [program, "-c", str(folder / "conf"), "-g", "daemon off;"], {})
        wait_for(port, process=process)
        return System("nginx", port, "vendor", (process.pid,))

    def _start(self, name: str, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return self._exits.enter_context(running(command, environment, self._data / f"{name}.log"))


def turns(sessions: Sequence[str], message: str) -> list[bytes]:
    """A request for a turn in each session."""
    return [load.request("/chat/stream", {"session_id": session, "message": message}) for session in sessions]


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)  # noqa: T201


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 — our own programs, no shell
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        yield process
    except SystemExit:
        say(f"The end of {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:]))
        raise
    finally:
        process.terminate()
        process.wait(90)


def wait_for(port: int, path: str = "", process: subprocess.Popen[bytes] | None = None, patience: float = 120) -> None:
    """Until something listens there, and answers 200 where a path is given; SystemExit where it does not come up."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and (process is None or process.poll() is None):
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
