"""One user's long talk, made up: as many messages as are wanted, and questions, of one language. The same seed gives the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from uuid import UUID

from benchmarks import coaching

SEED = 11
WORDS = 20_000
"""Made-up words, the n-th said as often as 1 / n."""

SYLLABLES = [first + last for first in "bdfgklmnprstv" for last in ("a", "e", "i", "o", "u", "an", "el", "ir", "ost")]


class Talk:
    """Messages are a line that a coach and a user say, so that kinds and common words are as frequent as with them, and
    made-up words, most of them rare."""

    def __init__(self, seed: int = SEED) -> None:
        self._chance = random.Random(SEED)  # noqa: S311 — no secret
        made = dict[str, None]()
        while len(made) < WORDS:
            made["".join(self._chance.choices(SYLLABLES, k=self._chance.randint(2, 4)))] = None
        self._words = list(made)
        self._chance.seed(seed)
        self._shares = list(accumulate(1 / number for number in range(1, WORDS + 1)))
        self._lines = [line for user, coach in coaching.talk("en") for line in (user, coach)]

    def messages(self, count: int) -> Iterator[tuple[UUID, str]]:
        """Ids, which sort as they come, and texts of some fifteen words."""
        for number in range(count):
            said = " ".join(self._drawn(self._chance.randint(4, 12)))
            yield UUID(int=self._chance.getrandbits(96) | number << 96), f"{self._chance.choice(self._lines)} {said}."

    def questions(self, count: int) -> Iterator[str]:
        """By turns one of a coach's, all of common words, and one with made-up words in it."""
        asked = [question for change in coaching.changes("en", "second") for question in change.questions]
        for number in range(count):
            if number % 2:
                yield f"What did I say about {' '.join(self._drawn(self._chance.randint(2, 4)))}?"
            else:
                yield asked[number // 2 % len(asked)]

    def _drawn(self, count: int) -> list[str]:
        return self._chance.choices(self._words, cum_weights=self._shares, k=count)
