"""The signals that stop a worker, held back from before its fork until its event loop hears them.

In between, the handlers that it inherits from gunicorn's master, or an event loop that does not run yet, would take a
signal and forget it; the worker would serve on, and the stop take all of graceful_timeout.
"""

from __future__ import annotations

import functools
import os
import signal

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@functools.cache
def hold_over_forks() -> None:
    """From now on, let a child of this process begin with the signals held back."""
    master = os.getpid()

    def before() -> None:
        if os.getpid() == master:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

    os.register_at_fork(before=before, after_in_parent=let_through)


def let_through() -> None:
    """Deliver what was held back, and hold back no more."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
