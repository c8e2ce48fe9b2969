"""`python -m tests.vendor PORT [KNOBS]`: the stub in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
import sys

from tests.vendor import Scenario, Vendor
from tests.vendor.scenarios import scenario_in


def main(arguments: list[str]) -> None:
    base = scenario_in(f"[[{' '.join(arguments[1:])}]]", Scenario())
    with Vendor(int(arguments[0]), base) as vendor:
        print(vendor.url, flush=True)  # noqa: T201
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main(sys.argv[1:])
