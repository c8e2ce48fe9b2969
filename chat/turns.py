"""One turn from beginning to end: open it, let the brain think, keep what was said."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from brains.types import Answering, BrainEvent, Prompt, Stop, TextDelta, Usage
from chat.events import Done, Ended, Failed
from chat.ids import outside
from chat.live import LiveTurn, LiveTurns, StoredTurn
from chat.openings import Opened, Send, Terms, decide
from chat.store import Kept, NewTurn, Store, Stored
from problems import (
    DatabaseUnavailable,
    Internal,
    NotFound,
    NotSaved,
    Problem,
    ServerBusy,
    ServerStopping,
    SessionDeleted,
    TurnInProgress,
    by_code,
)

logger = logging.getLogger(__name__)

DECLINED = "I'd rather not go into that. Let's get back to your training: what would you like to work on?"
"""Said where a brain declines without a word of its own."""

KEEP_PATIENCE = 15.0
"""Seconds in which storing a reply is tried again."""

AnyTurn: TypeAlias = LiveTurn | StoredTurn


class Thinker(Protocol):
    """What turns need of the brains."""

    def think(self, alias: str, prompt: Prompt) -> AsyncGenerator[Answering | BrainEvent, None]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """`turns`: running at once on this worker; `output`: bytes of one reply, in UTF-8."""

    turns: int
    output: int


class Telling:
    """What is known of a reply while it is said."""

    __slots__ = ("alias", "began", "fallback", "first", "model", "size", "stop", "usage")

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.model = ""
        self.fallback = False
        self.usage: Usage | None = None
        self.stop: str = ""
        self.size = 0
        self.began = time.monotonic()
        self.first: float | None = None


class Turns:
    """The turns of one worker. They run as its own tasks: whoever asked may leave."""

    def __init__(
        self,
        store: Store,
        thinker: Thinker,
        limits: Limits,
        context_tokens: Callable[[str], int],
        default_brain: str,
        worker: UUID,
    ) -> None:
        self.store = store
        self.live = LiveTurns()
        self.stopping = False
        self._thinker = thinker
        self._limits = limits
        self._terms = Terms(context_tokens, default_brain, worker, self._admit)
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- open ---------------------------------------------------------------------------------------------------

    async def open(self, send: Send) -> AnyTurn:
        """Store the message and start its turn; or join the turn that the same idempotency key began.

        Raises NotFound, TurnInProgress, PersonaUnavailable, IdempotencyMismatch, ServerBusy, ServerStopping and
        DatabaseUnavailable; then nothing was stored.
        """
        # Shielded: a client that leaves now must not leave a stored turn behind that nobody runs.
        return await asyncio.shield(self._spawn(self._open(send)))

    async def _open(self, send: Send) -> AnyTurn:
        async with self.store.opening() as opening:
            found = await decide(opening, send, self._terms)
        if isinstance(found, UUID):
            return await self.find(found)
        live = LiveTurn(found.new.turn, found.new.session, found.new.persona)
        self.live.add(live)
        self._spawn(self._run(live, found))
        return live

    def _admit(self) -> None:
        if self.stopping:
            raise ServerStopping
        if len(self.live) >= self._limits.turns:
            raise ServerBusy

    async def find(self, turn: UUID) -> AnyTurn:
        """A turn to follow: live on this worker, or ended. Raises NotFound, and TurnInProgress where another worker runs it."""
        if live := self.live.get(turn):
            return live
        stored = await self.store.stored(turn)
        if stored is None:
            raise NotFound("There is no such turn.")
        if stored.status == "running":
            raise TurnInProgress(extra={"turn_id": outside("turn", turn)})
        return StoredTurn(stored.turn, stored.session, stored.persona, stored.text, told(stored))

    # --- think --------------------------------------------------------------------------------------------------

    async def _run(self, live: LiveTurn, opened: Opened) -> None:
        telling = Telling(opened.new.brain)
        live.thinking = self._spawn(self._think(live, telling, opened.prompt))
        problem: Problem | None = None
        try:
            await asyncio.wait((live.thinking,))
            live.thinking.result()
        except asyncio.CancelledError:
            telling.stop = live.stopped_as
            problem = None if live.stopped_as == "stopped" else ServerStopping()
        except Problem as error:
            problem = error
        except Exception as error:  # noqa: BLE001 — the last place to hear of it: the turn must end all the same
            logger.error("turn %s broke: %s", outside("turn", live.id), _where(error))
            problem = Internal()
        if telling.stop == "refused" and not live.pieces:
            live.say(DECLINED)
        try:
            live.end(await self._keep(live, opened.new, telling, problem))
        finally:
            self.live.remove(live)

    async def _think(self, live: LiveTurn, telling: Telling, prompt: Prompt) -> None:
        async with aclosing(self._thinker.think(telling.alias, prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        if telling.first is None:
                            telling.first = time.monotonic() - telling.began
                        telling.size += len(text) if text.isascii() else len(text.encode())
                        if telling.size > self._limits.output:
                            if text := _shortened(text, telling.size - self._limits.output):
                                live.say(text)
                            telling.stop = "truncated"
                            return
                        live.say(text)
                    case Usage():
                        telling.usage = event
                    case Stop(reason):
                        telling.stop = reason
                    case Answering(alias, model, fallback):
                        telling.alias, telling.model, telling.fallback = alias, model, fallback

    # --- keep ---------------------------------------------------------------------------------------------------

    async def _keep(self, live: LiveTurn, new: NewTurn, telling: Telling, problem: Problem | None) -> Ended:
        """Store the end; what followers are told is what was stored."""
        text = live.text
        status = telling.stop if not problem else ("interrupted" if text else "failed")
        kept = Kept(
            turn=new.turn,
            session=new.session,
            owner=new.owner,
            user_message=new.message,
            depth=new.depth + 1,
            offset=new.offset + len(new.text),
            text=text,
            status=status,
            brain=telling.alias,
            model=telling.model,
            fallback=telling.fallback,
            usage=telling.usage,
            error=problem.code if problem else "",
            seconds_to_first_token=telling.first,
        )
        try:
            ended = await self._stored(kept)
        except Problem as error:
            return Failed(new.turn, new.message, None, error)
        if not ended:
            gone = SessionDeleted() if ended is None else NotSaved()
            return Failed(new.turn, new.message, None, gone)
        message = new.turn if text else None
        if problem:
            return Failed(new.turn, new.message, message, problem)
        return Done(new.turn, new.message, message, status, telling.alias, telling.fallback, telling.usage)

    async def _stored(self, kept: Kept) -> bool | None:
        """Store.keep, tried again while the database is away. Raises NotSaved."""
        end, pause = time.monotonic() + KEEP_PATIENCE, 0.1
        while True:
            try:
                return await self.store.keep(kept)
            except DatabaseUnavailable as error:
                if time.monotonic() + pause > end:
                    logger.error("the reply of %s could not be stored: %r", outside("turn", kept.turn), error.__cause__)
                    raise NotSaved from error
            except Exception as error:  # a statement that fails on its data fails again: say so, and end the turn
                logger.error("the reply of %s was refused: %s", outside("turn", kept.turn), _where(error))
                raise NotSaved from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    # --- the end of the worker ----------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """No new turn; running ones get `seconds` to end, then are interrupted and kept."""
        self.stopping = True
        deadline = time.monotonic() + seconds
        while self._tasks and time.monotonic() < deadline:
            await asyncio.wait(self._tasks, timeout=deadline - time.monotonic(), return_when=asyncio.ALL_COMPLETED)
        for live in self.live.all():
            live.stop("interrupted")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # The loop itself holds tasks weakly.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _shortened(text: str, excess: int) -> str:
    """`text` without its last `excess` bytes (of UTF-8), cut at a character."""
    return text.encode()[:-excess].decode(errors="ignore")


def _where(error: BaseException) -> str:
    """What broke and where, without its message, which may hold what was said."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__)[-15:])}"


def told(stored: Stored) -> Ended:
    """How a stored turn ended, as its followers were told."""
    message = stored.turn if stored.text else None
    if stored.error:
        return Failed(stored.turn, stored.user_message, message, by_code(stored.error))
    usage = None
    if stored.input_tokens is not None and stored.output_tokens is not None:
        usage = Usage(stored.input_tokens, stored.output_tokens)
    return Done(stored.turn, stored.user_message, message, stored.status, stored.brain, stored.fallback, usage)
