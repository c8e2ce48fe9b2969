"""One turn from beginning to end: open it, let the brain think, keep what was said."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from brains import prices
from brains.errors import where
from brains.types import Answering, BrainEvent, Prompt, Stop, TextDelta, Usage
from chat import accounts, spending
from chat.checkpoints import Checkpoints
from chat.context import Sources
from chat.endings import Endings, told
from chat.events import Ended
from chat.ids import outside
from chat.live import LiveTurn, LiveTurns, StoredTurn
from chat.openings import Opened, Request, Terms, decide
from chat.records import Kept
from chat.relay import Relay
from chat.store import Store
from gauges import marks
from gauges.traces import Span
from problems import Internal, NotFound, Problem, ServerBusy, ServerStopping
from safety.rules import Guard

logger = logging.getLogger(__name__)

DECLINED = "I'd rather not go into that. Let's get back to your training: what would you like to work on?"
"""Said where a brain declines without a word of its own."""

LAST = 5.0
"""s in which turns that are interrupted at the worker's end are kept."""

AnyTurn: TypeAlias = LiveTurn | StoredTurn


class Thinker(Protocol):
    """What turns need of the brains."""

    def think(
        self, alias: str, prompt: Prompt, hear: Callable[[Answering | BrainEvent], bool | None]
    ) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """`turns`: running at once on this worker; `turns_of_owner`: on all of them; `output`: bytes of one reply, in UTF-8.

    None: no limit. `budgets`: those of the admin hold.
    """

    output: int
    turns: int | None = None
    turns_of_owner: int | None = None
    budgets: bool = False


class Telling:
    """What is known of a reply while it is said."""

    __slots__ = ("alias", "began", "fallback", "first", "guard", "model", "size", "stop", "usage")

    def __init__(self, alias: str, guard: Guard) -> None:
        self.alias = alias
        self.guard = guard
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
        sources: Sources,
        reach: int,
        default_brain: str,
        worker: UUID,
        gentle: tuple[str, ...] = (),
    ) -> None:
        self.store = store
        self.live = LiveTurns()
        self.checkpoints = Checkpoints(store, self.live, worker)
        self.relay = Relay(store, worker)
        self.endings = Endings(store)
        self.stopping = False
        self._thinker = thinker
        self._limits = limits
        self._sources = sources
        self._terms = Terms(
            context_tokens,
            sources.context,
            reach,
            default_brain,
            worker,
            limits.turns_of_owner,
            gentle,
            self._admit,
            limits.budgets,
        )
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- open ---------------------------------------------------------------------------------------------------

    async def open(self, request: Request) -> AnyTurn:
        """Store the message and start its turn; or join the turn that the same idempotency key began.

        Raises NotFound, Invalid, TurnInProgress, PersonaUnavailable, IdempotencyMismatch, TooManyTurns, BudgetExceeded,
        ServerBusy, ServerStopping and DatabaseUnavailable; then nothing was stored.
        """
        # Shielded: a client that leaves now must not leave a stored turn behind that nobody runs.
        return await asyncio.shield(self._spawn(self._open(request)))

    async def _open(self, request: Request) -> AnyTurn:
        found = await decide(self.store, request, self._terms)
        if isinstance(found, UUID):
            return await self.find(found)
        live = LiveTurn(found.new.turn, found.new.session, found.new.persona)
        self.live.add(live)
        self._spawn(self._run(live, found))
        return live

    def _admit(self) -> None:
        if self.stopping:
            raise ServerStopping
        if self._limits.turns is not None and len(self.live) >= self._limits.turns:
            raise ServerBusy

    # --- find, stop ---------------------------------------------------------------------------------------------

    async def find(self, turn: UUID) -> AnyTurn:
        """A turn to follow: live on this worker or another, or ended. Raises NotFound, DatabaseUnavailable."""
        if live := self.live.get(turn):
            return live
        stored = await self.store.stored(turn)
        if stored is None:
            raise NotFound("There is no such turn.")
        if stored.status == "running":
            return self.live.get(turn) or await self.relay.join(stored)
        return StoredTurn(stored.turn, stored.session, stored.persona, stored.text, told(stored))

    async def stop(self, turn: UUID) -> str:
        """Stop a running turn, whichever worker runs it; its status at this moment. Raises NotFound, DatabaseUnavailable."""
        if live := self.live.get(turn):
            live.stop("stopped")
            return "running"
        status = await self.store.request_stop(turn)
        if status is None:
            raise NotFound("There is no such turn.")
        return status

    async def reconcile(self) -> frozenset[UUID]:
        """Compare our running turns with what the database has: heed what was not heard. Raises DatabaseUnavailable.

        Gives the turns that the database takes for ours, though nobody here runs them.
        """
        running = self.live.all()
        wishes = await self.store.wishes(self._terms.worker)
        for live in running:
            if wishes.get(live.id, True):  # asked to stop, or gone
                live.stop("stopped")
        ours = {live.id for live in running} | self.endings.owed
        return frozenset(turn for turn in wishes if turn not in ours and not self.live.get(turn))

    # --- think --------------------------------------------------------------------------------------------------

    async def _run(self, live: LiveTurn, opened: Opened) -> None:
        marks.turn.set(outside("turn", live.id))
        marks.session.set(outside("session", live.session))
        with Span("turn"):
            await self._live_through(live, opened)

    async def _live_through(self, live: LiveTurn, opened: Opened) -> None:
        telling = Telling(opened.new.brain, Guard(opened.rules))
        problem: Problem | None = None
        try:
            if opened.answer:
                telling.guard.finding = opened.answer
                _answer(live, telling)
            elif not live.stopped_as:
                with live.thinking():
                    await self._thinker.think(telling.alias, opened.prompt, partial(self._hear, live, telling))
        except Problem as error:
            problem = error
        except Exception as error:  # noqa: BLE001 — the last place to hear of it: the turn must end all the same
            logger.error("turn %s broke: %s", outside("turn", live.id), where(error))
            problem = Internal()
        if not problem and not telling.stop:
            telling.stop = live.stopped_as
            problem = None if live.stopped_as == "stopped" else ServerStopping()
        if telling.stop == "refused" and not live.pieces:
            live.say(DECLINED)
        try:
            await self.checkpoints.leave(live)
            live.end(await self._keep(live, opened, telling, problem))
        finally:
            self.live.remove(live)
            self._sources.turn_ended()
            await self.checkpoints.tell_end(live)

    def _hear(self, live: LiveTurn, telling: Telling, event: Answering | BrainEvent) -> bool | None:
        """What the brain says; True where that is as much as a reply may have."""
        match event:
            case TextDelta(text):
                if telling.first is None:
                    telling.first = time.monotonic() - telling.began
                text = telling.guard.passed(text)
                telling.size += len(text) if text.isascii() else len(text.encode())
                if telling.size > self._limits.output:
                    if text := _shortened(text, telling.size - self._limits.output):
                        live.say(text)
                    telling.stop = "truncated"
                    return True
                if text:
                    live.say(text)
                if telling.guard.finding:
                    _answer(live, telling)
                    return True
            case Usage():
                telling.usage = event
            case Stop(reason):
                telling.stop = reason
            case Answering(alias, model, fallback):
                telling.alias, telling.model, telling.fallback = alias, model, fallback
        return None

    # --- keep ---------------------------------------------------------------------------------------------------

    async def _keep(self, live: LiveTurn, opened: Opened, telling: Telling, problem: Problem | None) -> Ended:
        new, text = opened.new, live.text
        cost = prices.cost(telling.model, telling.usage)
        tokens, usd = spending.spent(opened.need, telling.usage, cost, text, failed=problem is not None)
        kept = Kept(
            turn=new.turn,
            session=new.session,
            owner=new.owner,
            user_message=new.message,
            depth=new.depth + 1,
            offset=new.offset + len(new.text),
            text=text,
            status=telling.stop if not problem else ("interrupted" if text else "failed"),
            brain=telling.alias,
            model=telling.model,
            fallback=telling.fallback,
            usage=telling.usage,
            error=problem.code if problem else "",
            seconds_to_first_token=telling.first,
            cost=cost,
            safety=telling.guard.finding.rule if telling.guard.finding else "",
            spent_tokens=tokens,
            spent_cost=usd,
        )
        ended = await self.endings.keep(kept, problem)
        accounts.count(kept, ended, time.monotonic() - telling.began, "message" if opened.answer else "reply")
        return ended

    # --- the end of the worker ----------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """No new turn; running ones get `seconds` to end, then are interrupted and kept."""
        self.stopping = True
        deadline = time.monotonic() + seconds
        while self._tasks and time.monotonic() < deadline:
            await asyncio.wait(self._tasks, timeout=deadline - time.monotonic(), return_when=asyncio.ALL_COMPLETED)
        deadline = time.monotonic() + LAST
        while self._tasks and time.monotonic() < deadline:  # one that was being stored just now begins, too
            for live in self.live.all():
                live.stop("interrupted")
            await asyncio.wait(self._tasks, timeout=0.1)
        self.relay.close()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # The loop itself holds tasks weakly.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _answer(live: LiveTurn, telling: Telling) -> None:
    """The fixed answer of what the guard has found, after what was said so far."""
    if (finding := telling.guard.finding) is None:
        return
    if telling.first is None:
        telling.first = time.monotonic() - telling.began
    live.say(f"\n\n{finding.answer}" if live.pieces else finding.answer)
    telling.stop = "complete"


def _shortened(text: str, excess: int) -> str:
    """`text` without its last `excess` bytes (of UTF-8), cut at a character."""
    return text.encode()[:-excess].decode(errors="ignore")
