"""Who thinks: the brain that was asked for, and where it fails before its first word, those of COACH_FALLBACK in turn."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeAlias
from weakref import WeakKeyDictionary

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
from gauges import marks, metrics
from gauges.traces import Span

logger = logging.getLogger(__name__)

Hear: TypeAlias = Callable[[Answering | BrainEvent], bool | None]
"""Is told what a brain says; gives True when it has heard enough."""

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

    async def think(self, alias: str, prompt: Prompt, hear: Hear) -> None:
        """Tell `hear` an Answering before each brain that is tried, then the events of the one that answers.

        They are told by a call, in the step in which they came: a chain of generators would cost more than a word. Raises a
        BrainError: that of the first brain, where none has answered; an Answering for it comes before. ContextTooLong, and
        whatever happens after the first delta, is not passed on to the next.
        """
        end = asyncio.get_running_loop().time() + settings.COACH_TURN_TIMEOUT
        first: BrainError | None = None
        names = registry.chain(alias) if self._falls_back else (alias,)
        for name in names:
            hearing = _Hearing(hear)
            hear(Answering(name, registry.model(name), name != alias))
            try:
                await self._ask(name, prompt, end, hearing)
                return
            except BrainError as error:
                if hearing.told or isinstance(error, ContextTooLong):
                    raise
                first = first or error
        if len(names) > 1:
            hear(Answering(alias, registry.model(alias), False))
        raise first or BrainUnavailable()

    async def _ask(self, alias: str, prompt: Prompt, end: float, hearing: _Hearing) -> None:
        """Hear one brain; where it failed before its first word, it may be asked again."""
        breaker = self._breakers.get(alias)
        if breaker is None:
            breaker = Breaker(settings.COACH_BREAKER_FAILURES, settings.COACH_BREAKER_COOLDOWN)
            self._breakers[alias] = breaker
        attempt = breaker.begin()
        if attempt is None:
            # Busy, not broken: nothing was asked of the vendor, and when to come again is known.
            raise BrainBusy(retry_after=math.ceil(breaker.retry_in))
        outcome, calls = attempt.dropped, 0
        try:
            with _asking(alias) as hearing.span:
                brain = await registry.get(alias)
                begun = asyncio.get_running_loop().time()
                while True:
                    calls += 1
                    hearing.begin(attempt.spoke)
                    try:
                        await _listen(brain.think(prompt), end, hearing)
                        outcome = attempt.succeeded
                        return
                    except BrainError as error:
                        if hearing.told or not await self._again(error, attempt, calls, begun, end):
                            raise
                        logger.info("the brain %s is asked again after call %d: %s", alias, calls, error.code)
        except BrainError as error:
            _log(alias, error, calls)
            metrics.BRAIN_FAILURES.labels(alias, error.code).inc()
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


_alone: WeakKeyDictionary[asyncio.AbstractEventLoop, Router] = WeakKeyDictionary()


def alone() -> Router:
    """The running event loop's router in which no other brain stands in, for those who want the one that they ask."""
    return _alone.setdefault(asyncio.get_running_loop(), Router(falls_back=False))


REASONS = {"complete": "stop", "truncated": "length", "refused": "content_filter"}
"""Why a reply ended, in OpenTelemetry's words."""


def _asking(alias: str) -> Span:
    """The span of one brain that is asked, with every call of the turn's to it; what is asked and said is left out.

    By OpenTelemetry's conventions for generative AI, 1.41: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    """
    model = registry.model(alias)
    return Span(f"chat {model}", "client").note(
        gen_ai__operation__name="chat",
        gen_ai__provider__name=registry.vendor(alias),
        gen_ai__request__model=model,
        gen_ai__request__stream=True,
        gen_ai__conversation__id=marks.session.get() or None,
    )


async def _listen(thinking: AsyncGenerator[BrainEvent, None], end: float, hearing: _Hearing) -> None:
    """Hear a brain to its end, or until enough was heard, within the deadlines.

    Raises BrainTimeout, BrainEmpty for a regular end without a word, BrainInterrupted for an end without Stop.
    """
    deadlines = Deadlines(settings.COACH_FIRST_TOKEN_TIMEOUT, settings.COACH_IDLE_TIMEOUT, end)
    try:
        async with aclosing(thinking) as events:
            deadlines.waiting()
            async for event in events:
                if hearing.hear(event):
                    return
                deadlines.came(hearing.said)
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
    """Makes of a brain's events those that go on, cleaned and with text, and tells them.

    `told`: whether any has gone on; of the call that has begun: `said` a word, `ended` regularly.
    """

    __slots__ = ("_began", "_blank", "_cleaner", "_hear", "_spoke", "_usage", "ended", "said", "span", "told")

    span: Span

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self.told = False

    def begin(self, spoke: Callable[[], None]) -> None:
        """A brain is called; `spoke` is told of its first word."""
        self._began = time.monotonic()
        self._spoke = spoke
        self.said = False
        self.ended = False
        self._blank = ""
        self._cleaner = Cleaner()
        self._usage: Usage | None = None

    def hear(self, event: BrainEvent) -> bool | None:
        """True where enough was heard. Raises BrainEmpty."""
        match event:
            case TextDelta(text):
                return self._text(event, text)
            case Usage():
                self._usage = event.storable()
                return None
            case Stop(reason):
                return self._stop(event, refused=reason == "refused")

    def _text(self, event: TextDelta, text: str) -> bool | None:
        clean = self._cleaner.clean(text)
        if self.said:
            return self._hear(event if clean is text else TextDelta(clean)) if clean else None
        self._blank += clean
        if not self._blank or (self._blank.isspace() and len(self._blank) <= LONGEST_BLANK):
            return None
        self.said = True
        return self._tell(TextDelta(self._blank))

    def _stop(self, stop: Stop, *, refused: bool) -> bool | None:
        """Usage and Stop together, for what a blank reply cost must not go before the words of a fallback."""
        if (half := self._cleaner.rest()) and self._text(TextDelta(half), half):
            return True
        if not self.said and not refused:
            raise BrainEmpty
        self.ended = True
        self.span.note(gen_ai__response__finish_reasons=[REASONS[stop.reason]])
        if counted := self._usage:
            self.span.note(
                gen_ai__usage__input_tokens=counted.input_tokens,
                gen_ai__usage__output_tokens=counted.output_tokens,
                gen_ai__usage__cache_read__input_tokens=counted.cache_read_tokens,
                gen_ai__usage__cache_creation__input_tokens=counted.cache_write_tokens,
            )
            self._tell(counted)
        return self._tell(stop)

    def _tell(self, event: BrainEvent) -> bool | None:
        if not self.told:
            self.told = True
            self.span.note(gen_ai__response__time_to_first_chunk=time.monotonic() - self._began)
            self._spoke()
        return self._hear(event)


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
