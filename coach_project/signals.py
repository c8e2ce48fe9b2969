"""The signals that stop a process, held back while nobody is there to hear them.

A worker: from before its fork until its event loop runs. In between, the handlers that it inherits from gunicorn's
master, or the loop that is not running yet, would take a signal and forget it; the worker would serve on, and the stop
take all of graceful_timeout. The master: over exec, until gunicorn has its handlers, so that the embedded database is
stopped, too.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@functools.cache
def hold_over_forks() -> None:
    """From now on, let a child of this process begin with the signals held back."""
    master = os.getpid()

    def before() -> None:
        if os.getpid() == master:
            hold_back()

    os.register_at_fork(before=before, after_in_parent=let_through)


class _Again(threading.Timer):
    """A stop on its way to this process for the second time."""


def hold_back() -> None:
    """From now on, let what stops this process wait; Python may still hear one that came just before."""
    for timer in threading.enumerate():
        if isinstance(timer, _Again):
            timer.join()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)


def let_through() -> None:
    """Deliver what was held back, and hold back no more."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def leave_on(*numbers: signal.Signals) -> None:
    """Make a signal that would end this process at once end it as sys.exit does, with what is to be tidied up.

    A handler's exception is raised wherever the program happens to be. In a finalizer (an object's end, a weak
    reference's callback, any time the garbage collector runs), Python prints and drops it; the stop comes once more then.
    """
    sys.unraisablehook = _come_again
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # Started in a shell's background. What is ignored is so in children, too; but SIGINT is what stops a database.
        signal.signal(signal.SIGINT, _overhear)
    for number in numbers:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)


def _overhear(number: int, frame: FrameType | None) -> None:
    """Goes on as if it were ignored; a program that is executed has the default again."""


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _come_again(dropped: UnraisableHookArgs) -> None:
    error = dropped.exc_value
    if isinstance(error, KeyboardInterrupt):
        number = int(signal.SIGINT)
    elif isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
        number = error.code - 128
    else:
        sys.__unraisablehook__(dropped)
        return
    # Not from here: what a handler raises in this hook is dropped, too.
    _Again(0.01, os.kill, (os.getpid(), number)).start()
