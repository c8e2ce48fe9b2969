"""A stop is heard even where Python drops what a signal's handler raises: inside a finalizer."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from coach_project import signals

class Finalized:
    def __del__(self):
        signal.raise_signal({number})

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have them ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
signals.leave_on(signal.SIGTERM, signal.SIGHUP)
try:
    {before}
    Finalized()
    {after}
    while True:
        signal.pause()
except KeyboardInterrupt:
    sys.exit(128 + signal.SIGINT)
finally:
    print("tidied up")
"""


def ran(number: signal.Signals, before: str = "pass", after: str = "pass") -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(number=int(number), before=before, after=after)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_stop_that_a_finalizer_swallows_comes_again(number: signal.Signals) -> None:
    done = ran(number)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "tidied up\n", "")


def test_a_stop_that_a_finalizer_swallows_is_not_lost_over_exec() -> None:
    heard = "import signal, sys; sys.exit(0 if signal.SIGTERM in signal.sigpending() else 'not heard')"
    after = f'import os; signals.hold_back(); os.execv(sys.executable, [sys.executable, "-c", "{heard}"])'
    done = ran(signal.SIGTERM, after=after)
    assert done.returncode in (0, 128 + signal.SIGTERM), done.stderr


def test_other_errors_of_a_finalizer_are_told_as_ever() -> None:
    done = ran(signal.SIGTERM, before="type('Broken', (), {'__del__': lambda self: 1 / 0})()")
    assert "ZeroDivisionError" in done.stderr
    assert done.returncode == 128 + signal.SIGTERM


def test_a_child_hears_the_signal_that_stops_it_where_its_parent_was_started_in_the_background() -> None:
    program = """
import signal, subprocess, sys
from coach_project import signals
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell begins what ends in &
signals.leave_on(signal.SIGTERM)
signal.raise_signal(signal.SIGINT)
subprocess.run([sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT).__name__)"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "default_int_handler\n"
