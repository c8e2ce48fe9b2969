"""A newcomer's first minutes, with the standard library alone: `./run`, the lines that it prints, and all of it again.

    python3 tests/newcomer.py CHECKOUT

Prints the seconds from the command to the first streamed token, and fails where something is not as the README says.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LIMITS = {"first": 90.0, "second": 20.0}  # seconds; far above what it takes, for a busy machine


def main() -> None:
    checkout = Path(sys.argv[1])
    for which, limit in LIMITS.items():
        seconds, printed = one_start(checkout)
        sys.stdout.write(f"{which} start: {seconds:.1f} s to the first streamed token, as uid {os.getuid()}\n")
        sys.stdout.flush()
        if seconds > limit or ("password" in printed) != (which == "first") or "Traceback" in printed:
            sys.exit(printed)


def one_start(checkout: Path) -> tuple[float, str]:
    """Seconds from the command to the first token, and what the command printed."""
    log = checkout / "newcomer.log"
    begun = time.monotonic()
    with log.open("wb") as output:
        environment = {**os.environ, "PORT": str(free_port())}
        server = subprocess.Popen([checkout / "run"], env=environment, stdout=output, stderr=output)
    try:
        seconds = first_token(printed_lines(log, server)) - begun
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(60)
    if status != 0:
        sys.exit(f"./run ended with {status}:\n{log.read_text(encoding='utf-8')}")
    return seconds, log.read_text(encoding="utf-8")


def printed_lines(log: Path, server: subprocess.Popen[bytes]) -> str:
    """The two lines that ./run offers to try, once it has printed them."""
    while "Ctrl-C" not in log.read_text(encoding="utf-8"):
        if server.poll() is not None:
            sys.exit(log.read_text(encoding="utf-8"))
        time.sleep(0.01)
    return "\n".join(re.findall(r"(?m)^  (\S.*curl .*|curl .*)$", log.read_text(encoding="utf-8")))


def first_token(lines: str) -> float:
    """When the first token came."""
    with subprocess.Popen(["/bin/sh", "-c", lines], stdout=subprocess.PIPE) as trying:
        assert trying.stdout is not None
        for line in trying.stdout:
            if line.startswith(b'data: {"token"'):
                now = time.monotonic()
                trying.stdout.read()
                return now
    sys.exit(f"No token came of:\n{lines}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
