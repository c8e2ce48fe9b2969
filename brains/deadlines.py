"""How long a brain may keep a turn waiting: for its first word, for the next one, for the whole."""

from __future__ import annotations

import asyncio

from brains.pacing import pacer


class Deadlines:
    """Cuts short, by cancelling it, a task that waits too long for its next delta.

    Time that the task spends on other things than waiting counts for the whole alone. The clock is the event loop's. There
    is one alarm a turn, moved when it rings, not at each delta: at thousands of tokens a second a timer each would be felt.

        deadlines.waiting()               # before each wait; False: the whole has taken too long
        …                                 # in the wait: CancelledError, if it took too long
        deadlines.came(said)              # after it; `said`: whether it brought text
        deadlines.passed()                # on CancelledError: whether this is what cancelled
        deadlines.close()                 # at the end
    """

    __slots__ = (
        "_alarm",
        "_armed",
        "_cancelling",
        "_due",
        "_end",
        "_first",
        "_idle",
        "_loop",
        "_target",
        "_task",
        "_waiter",
    )

    def __init__(self, first: float, idle: float, end: float) -> None:
        """For the task that makes it. `first` and `idle` are in seconds; `end` is a time of the event loop's clock."""
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._end = end
        self._waiter = asyncio.current_task()
        self._first: float | None = self._loop.time() + first
        self._due = self._armed = min(self._first, end)
        self._alarm = pacer().call_at(self._due, self._ring)
        self._task: asyncio.Task[object] | None = None  # while it waits
        self._target: asyncio.Task[object] | None = None  # once it was cancelled
        self._cancelling = 0

    def waiting(self) -> bool:
        """Whether there is time left at all."""
        now = self._loop.time()
        due = now + self._idle if self._first is None else self._first
        self._due = due if due < self._end else self._end
        if self._due < self._armed:
            self._arm()
        self._task = self._waiter
        return now < self._end

    def came(self, said: bool) -> None:
        self._task = None
        if said:
            self._first = None

    def passed(self) -> bool:
        """Whether the task was cancelled by this alone; then the cancellation is taken back.

        Not where another had cancelled it before, and its brain was still tidying up.
        """
        target, self._task, self._target = self._target, None, None
        return target is not None and target.uncancel() <= self._cancelling and not self._cancelling

    def close(self) -> None:
        self._alarm.cancel()
        self.passed()

    def _arm(self) -> None:
        self._alarm.cancel()
        self._armed = self._due
        self._alarm = pacer().call_at(self._due, self._ring)

    def _ring(self) -> None:
        if self._task is None:
            # Not waiting: look again when it may be, for the time for that is counted from its beginning.
            self._due = max(self._loop.time() + self._idle, self._due)
            self._arm()
        elif self._loop.time() < self._due:
            self._arm()
        else:
            self._target = self._task
            self._cancelling = self._target.cancelling()
            self._target.cancel()
