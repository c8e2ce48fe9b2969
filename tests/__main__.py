"""`./test`: every test, the parallel ones first and then, alone, those that measure time; or just what is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

NOTHING_COLLECTED = 5


def main() -> int:
    if arguments := sys.argv[1:]:
        return pytest(*arguments)
    workers = str((os.cpu_count() or 4) + 1)  # tests wait more than they compute
    parallel = pytest("-n", workers, "--dist", "loadgroup", "-m", "not timing")
    alone = pytest("-n", "0", "-m", "timing")
    return parallel or (0 if alone == NOTHING_COLLECTED else alone)


def pytest(*arguments: str) -> int:
    try:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
