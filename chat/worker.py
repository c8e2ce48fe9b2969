"""This server process as one that runs turns: store, turns, mailbox, sign of life, and the end of turns that a dead one left."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from brains import registry
from brains.errors import where
from brains.router import Router
from chat import spending, statements
from chat.context import Sources
from chat.ids import new_id
from chat.mailbox import Mailbox
from chat.prompts import MOST_CHARS_PER_TOKEN
from chat.store import Store
from chat.turns import Limits, Turns
from gauges import metrics
from problems import DatabaseUnavailable, ServerStopping

logger = logging.getLogger(__name__)

LOST = 600
"""s after which a turn that is gone settles nothing any more: its worker would have."""


def host() -> str:
    """Where process ids mean the same: this machine since its start, and this container of it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        pids = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot}/{pids}"


def born(pid: int) -> str:
    """When a process began, in clock ticks since the machine's start; empty where there is none (proc(5), stat, field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self").exists() or not _answers(pid) else "?"
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Worker:
    """Opens and closes with the server process. `lease` and `keys_age` are in seconds.

    `direct` is the way to the database for the mailbox: LISTEN needs a connection that no pooler shares.
    """

    def __init__(
        self,
        *,
        conninfo: str,
        direct: str,
        pool_size: int,
        limits: Limits,
        router: Router,
        context: Sources,
        default_brain: str,
        gentle: tuple[str, ...],
        lease: float,
        keys_age: float,
    ) -> None:
        self.id = new_id()
        self.store = Store(conninfo, pool_size)
        reach = int(MOST_CHARS_PER_TOKEN * max(map(router.context_tokens, registry.aliases())))
        self.turns = Turns(
            self.store, router, limits, router.context_tokens, context, reach, default_brain, self.id, gentle
        )
        self.mailbox = Mailbox(direct, self.id, self._heard, self._missed)
        self.router = router
        self._default_brain = default_brain
        self._lease = lease
        self._keys_age = keys_age
        self._lost: frozenset[UUID] = frozenset()
        self._beating: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self.loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Connect, say that we live, close what a crash left."""
        await self.store.open()
        await self._beat()
        self._beating = asyncio.create_task(self._beat_on())
        self.mailbox.start()
        self.turns.checkpoints.start()

    def begin_drain(self, seconds: float) -> asyncio.Task[None]:
        """From now on no new turn; running ones get `seconds` to end, the rest are interrupted. The first call counts."""
        if self._draining is None:
            self._draining = self.loop.create_task(self.turns.drain(seconds))
        return self._draining

    async def stop(self, drain: float) -> None:
        """Drain, say good-bye, disconnect."""
        await self.begin_drain(drain)
        self.turns.checkpoints.stop()
        await self.mailbox.stop()
        if self._beating:
            self._beating.cancel()
        await self.store.close()

    # --- letters --------------------------------------------------------------------------------------------------

    def _heard(self, verb: str, ids: Sequence[UUID]) -> None:
        match verb:
            case "stop":
                if live := self.turns.live.get(ids[0]):
                    live.stop("stopped")
            case "follow":
                self.turns.checkpoints.watch(ids[0], ids[1])
            case "news":
                self.turns.relay.news(ids)

    async def _missed(self) -> None:
        """The mailbox has just connected: look for what was said before."""
        try:
            await self.turns.reconcile()
        except DatabaseUnavailable:
            return  # the next sign of life looks again

    # --- sign of life ---------------------------------------------------------------------------------------------

    async def reap(self) -> int:
        """Close the turns of workers that are gone, and those of ours that nobody runs any more; how many."""
        here = {"host": host()}
        rows = await self.store.rows(statements.WORKERS_HERE, here)
        dead = [row[0] for row in rows if row[0] != self.id and row[2] != born(row[1])]
        before, self._lost = self._lost, await self.turns.reconcile()
        # Seen twice: one that is being opened at this moment is not lost.
        lost = list(before & self._lost)
        ((closed,),) = await self.store.rows(statements.REAP, {"dead": dead, "lost": lost, "lease": self._lease})
        await self.store.execute(statements.FORGET_WORKERS, {"dead": dead, "lease": self._lease})
        if closed:
            metrics.ORPHANS.inc(closed)
            logger.warning("closed %d turns that a stopped server had left running", closed)
        return int(closed)

    async def active_brain(self) -> str:
        """The alias in use. Raises DatabaseUnavailable."""
        rows = await self.store.rows("SELECT alias FROM brains_activebrain", {})
        return str(rows[0][0]) if rows else self._default_brain

    async def _beat(self) -> bool:
        sign = {"id": self.id, "host": host(), "pid": os.getpid(), "born": born(os.getpid())}
        try:
            await self.store.execute(statements.SIGN_OF_LIFE, {**sign, "breakers": json.dumps(self.breakers())})
            await self.turns.endings.settle()
            await self.reap()
            await self.store.execute(statements.FORGET_PIECES, {})
            await self.store.execute(statements.FORGET_KEYS, {"age": self._keys_age})
            await self.store.execute(spending.SETTLE_LOST, {"age": LOST})
            await self.store.execute(spending.FORGET_SPENDING, {})
        except DatabaseUnavailable:
            return False
        except Exception as error:  # noqa: BLE001 — without a sign of life others would take this worker for dead
            logger.error("the worker's housekeeping broke: %s", where(error))
            return False
        return True

    def breakers(self) -> dict[str, str]:
        """The state of each brain's breaker in this process."""
        return dict(self.router.breakers())

    async def _beat_on(self) -> None:
        well = True
        while True:
            await asyncio.sleep(self._lease / 3)
            now = await self._beat()
            if now != well:
                logger.log(
                    logging.INFO if now else logging.ERROR, "the database is %s", "back" if now else "out of reach"
                )
            well = now


_current: Worker | None = None


def current() -> Worker:
    """This process's worker. Raises ServerStopping outside of the time between start and stop."""
    if _current is None:
        raise ServerStopping
    return _current


def installed() -> Worker | None:
    """This process's worker, where it has one now."""
    return _current


def install(worker: Worker | None) -> None:
    """Make `worker` this process's one."""
    global _current
    _current = worker
