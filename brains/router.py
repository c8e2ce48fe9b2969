"""Who thinks: the brain that was asked for, and where it fails before its first word, those of COACH_FALLBACK in turn."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.conf import settings

from brains import registry
from brains.breaker import Attempt, Breaker, State
from brains.cleaning import Cleaner
from brains.deadlines import Deadlines
from brains.errors import (
    BrainBusy,
    BrainEmpty,
    BrainError,
    BrainInterrupted,
    BrainTimeout,
    BrainUnavailable,
    ContextTooLong,
)
from brains.retries import Retries
from brains.types import Answering, BrainEvent, Prompt, Stop, TextDelta, Usage

logger = logging.getLogger(__name__)

LONGEST_BLANK = 1_000
"""Characters of blank text that are kept back until a word comes."""


class Router:
    """Remembers how the brains have been doing; one for a process."""

    def __init__(self, *, falls_back: bool = True, retries: Retries | None = None) -> None:
        self._falls_back = falls_back
        self._retries = retries or Retries()
        self._breakers: dict[str, Breaker] = {}

    @staticmethod
    def context_tokens(alias: str) -> int:
        """How long a prompt for this brain may be."""
        return registry.context_tokens(alias)

    def breakers(self) -> dict[str, State]:
        """The state of each brain's breaker in this process."""
        return {
            alias: self._breakers[alias].state if alias in self._breakers else "closed" for alias in registry.aliases()
        }

    async def think(self, alias: str, prompt: Prompt) -> AsyncGenerator[Answering | BrainEvent, None]:
        """An Answering before each brain that is tried, then the events of the one that answers, as Brain.think has them.

        Raises a BrainError: that of the first brain, where none has answered; an Answering for it comes before.
        ContextTooLong, and whatever happens after the first delta, is not passed on to the next.
        """
        end = asyncio.get_running_loop().time() + settings.COACH_TURN_TIMEOUT
        first: BrainError | None = None
        names = registry.chain(alias) if self._falls_back else (alias,)
        for name in names:
            said = False
            yield Answering(name, registry.model(name), name != alias)
            try:
                async with aclosing(self._ask(name, prompt, end)) as events:
                    async for event in events:
                        said = True
                        yield event
                return
            except BrainError as error:
                if said or isinstance(error, ContextTooLong):
                    raise
                first = first or error
        if len(names) > 1:
            yield Answering(alias, registry.model(alias), False)
        raise first or BrainUnavailable()

    async def _ask(self, alias: str, prompt: Prompt, end: float) -> AsyncGenerator[BrainEvent, None]:
        """One brain's events; where it failed before the first, it may be asked again."""
        breaker = self._breakers.get(alias)
        if breaker is None:
            breaker = Breaker(settings.COACH_BREAKER_FAILURES, settings.COACH_BREAKER_COOLDOWN)
            self._breakers[alias] = breaker
        attempt = breaker.begin()
        if attempt is None:
            # Busy, not broken: nothing was asked of the vendor, and when to come again is known.
            raise BrainBusy(retry_after=math.ceil(breaker.retry_in))
        outcome, said, calls = attempt.dropped, False, 0
        try:
            brain = await registry.get(alias)
            begun = asyncio.get_running_loop().time()
            while True:
                calls += 1
                try:
                    async with aclosing(_heard(brain.think(prompt), end)) as events:
                        async for event in events:
                            if not said:
                                said = True
                                attempt.spoke()
                            yield event
                    outcome = attempt.succeeded
                    return
                except BrainError as error:
                    if said or not await self._again(error, attempt, calls, begun, end):
                        raise
                    logger.info("the brain %s is asked again after call %d: %s", alias, calls, error.code)
        except BrainError as error:
            _log(alias, error, calls)
            sick = isinstance(error, BrainUnavailable) and not isinstance(error, BrainEmpty)
            outcome = attempt.failed if sick else attempt.succeeded
            raise
        finally:
            outcome()

    async def _again(self, error: BrainError, attempt: Attempt, calls: int, begun: float, end: float) -> bool:
        """Wait for the time of the next call; or there is none. `begun` and `end` are times of the event loop's clock."""
        now = asyncio.get_running_loop().time()
        pause = self._retries.pause(error, calls, now - begun, end - now)
        if pause is None or attempt.outdated:
            return False
        await asyncio.sleep(pause)
        return not attempt.outdated


async def _heard(thinking: AsyncGenerator[BrainEvent, None], end: float) -> AsyncGenerator[BrainEvent, None]:
    """A brain's events within the deadlines, cleaned, and with text.

    Raises BrainTimeout, BrainEmpty for a regular end without a word, BrainInterrupted for an end without Stop.
    """
    hearing = _Hearing()
    deadlines = Deadlines(settings.COACH_FIRST_TOKEN_TIMEOUT, settings.COACH_IDLE_TIMEOUT, end)
    try:
        async with aclosing(thinking) as events:
            deadlines.waiting()
            async for event in events:
                heard = hearing.hear(event)
                deadlines.came(hearing.said)
                for each in heard:
                    yield each
                if not deadlines.waiting():
                    raise BrainTimeout
        if not hearing.ended:
            raise BrainInterrupted
    except asyncio.CancelledError as error:
        if deadlines.passed():
            raise BrainTimeout from error
        raise
    finally:
        deadlines.close()


class _Hearing:
    """Makes of a brain's events those that go on."""

    __slots__ = ("_blank", "_cleaner", "_usage", "ended", "said")

    def __init__(self) -> None:
        self.said = False
        self.ended = False
        self._blank = ""
        self._cleaner = Cleaner()
        self._usage: Usage | None = None

    def hear(self, event: BrainEvent) -> tuple[BrainEvent, ...]:
        match event:
            case TextDelta(text):
                return self._text(event, text)
            case Usage():
                self._usage = event
                return ()
            case Stop(reason):
                return self._stop(event, refused=reason == "refused")

    def _text(self, event: TextDelta, text: str) -> tuple[BrainEvent, ...]:
        clean = self._cleaner.clean(text)
        if self.said:
            return (event if clean is text else TextDelta(clean),) if clean else ()
        self._blank += clean
        if not self._blank or (self._blank.isspace() and len(self._blank) <= LONGEST_BLANK):
            return ()
        self.said = True
        return (TextDelta(self._blank),)

    def _stop(self, stop: Stop, *, refused: bool) -> tuple[BrainEvent, ...]:
        """Usage and Stop together, for what a blank reply cost must not go before the words of a fallback."""
        rest = self._text(TextDelta(half), half) if (half := self._cleaner.rest()) else ()
        if not self.said and not refused:
            raise BrainEmpty
        self.ended = True
        return (*rest, *((self._usage,) if self._usage else ()), stop)


def _log(alias: str, error: BrainError, calls: int) -> None:
    """One line for a turn, not for each call: what the last one means, the classes and the status behind it; no text but ours."""
    causes: list[str] = []
    cause = error.__cause__
    while cause is not None and len(causes) < 5:
        status = getattr(cause, "status_code", "")
        own = str(cause) if type(cause).__module__.startswith("brains.") else ""
        causes.append(" ".join(filter(None, (type(cause).__name__, str(status), own))))
        cause = cause.__cause__
    level = logging.WARNING if error.retryable else logging.ERROR
    why = " < ".join(causes) or error.message
    logger.log(level, "the brain %s failed: %s, calls: %d (%s)", alias, error.code, calls, why)
