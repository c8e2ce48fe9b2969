"""When a brain that failed before its first word is asked again, in the same turn. Pure: no clock, no Django, no SDK."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from brains.errors import BrainEmpty, BrainError, BrainGarbled, BrainTimeout, BrainUnavailable

HOPELESS = (BrainEmpty, BrainGarbled, BrainTimeout)
"""What would most likely come again, or has taken long enough."""


@dataclass(frozen=True, slots=True)
class Retries:
    """`pauses`: the shortest and the longest before each retry, so their number is that of the retries.

    No retry begins more than `window` after the first call began. All in seconds; `chance` gives 0 to 1.
    """

    pauses: tuple[tuple[float, float], ...] = ((0.25, 0.5), (0.5, 1.0))
    window: float = 10.0
    chance: Callable[[], float] = random.random

    def pause(self, error: BrainError, calls: int, elapsed: float, left: float) -> float | None:
        """How long to wait before the next call; None: there is none, and the error stands.

        `calls` have been made, the first of them `elapsed` ago; the turn has `left`. A vendor is never asked earlier than
        it wants: where that is too late, it is not asked.
        """
        if not isinstance(error, BrainUnavailable) or isinstance(error, HOPELESS) or calls > len(self.pauses):
            return None
        shortest, longest = self.pauses[calls - 1]
        # By chance: those that failed together must not come again together.
        pause = max(shortest, error.wait or 0) + (longest - shortest) * self.chance()
        return pause if elapsed + pause <= self.window and pause < left else None


NO_RETRIES = Retries(pauses=())
