"""This server process as one that runs turns: store, turns, sign of life, and the end of turns that a dead one left."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from pathlib import Path

from brains.router import Router
from chat.ids import new_id
from chat.store import Store
from chat.turns import Limits, Turns
from problems import DatabaseUnavailable, ServerStopping

logger = logging.getLogger(__name__)

SIGN_OF_LIFE = """
INSERT INTO chat_worker (id, host, pid, born, seen_at) VALUES (%(id)s, %(host)s, %(pid)s, %(born)s, now())
ON CONFLICT (id) DO UPDATE SET seen_at = now()
"""
WORKERS_HERE = "SELECT id, pid, born FROM chat_worker WHERE host = %(host)s"
REAP = """
WITH dead AS (
    SELECT t.id FROM chat_turn t LEFT JOIN chat_worker w ON w.id = t.worker
    WHERE t.status = 'running'
      AND (w.id IS NULL OR w.id = ANY(%(dead)s) OR w.seen_at < now() - make_interval(secs => %(lease)s::float8))
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE chat_turn t SET status = 'failed', error = 'server_restarted', finished_at = now() FROM dead WHERE t.id = dead.id
"""
FORGET_WORKERS = """
DELETE FROM chat_worker w
WHERE (w.id = ANY(%(dead)s) OR w.seen_at < now() - make_interval(secs => %(lease)s::float8))
  AND NOT EXISTS (SELECT 1 FROM chat_turn t WHERE t.worker = w.id AND t.status = 'running')
"""
FORGET_KEYS = "DELETE FROM chat_idempotencykey WHERE created_at < now() - make_interval(secs => %(age)s::float8)"


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
    """Opens and closes with the server process. `lease` and `keys_age` are in seconds."""

    def __init__(
        self,
        *,
        conninfo: str,
        pool_size: int,
        limits: Limits,
        router: Router,
        default_brain: str,
        lease: float,
        keys_age: float,
    ) -> None:
        self.id = new_id()
        self.store = Store(conninfo, pool_size)
        self.turns = Turns(self.store, router, limits, router.context_tokens, default_brain, self.id)
        self._default_brain = default_brain
        self._lease = lease
        self._keys_age = keys_age
        self._beating: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self.loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Connect, say that we live, close what a crash left."""
        await self.store.open()
        await self._beat()
        self._beating = asyncio.create_task(self._beat_on())

    def begin_drain(self, seconds: float) -> asyncio.Task[None]:
        """From now on no new turn; running ones get `seconds` to end, the rest are interrupted. The first call counts."""
        if self._draining is None:
            self._draining = self.loop.create_task(self.turns.drain(seconds))
        return self._draining

    async def stop(self, drain: float) -> None:
        """Drain, say good-bye, disconnect."""
        await self.begin_drain(drain)
        if self._beating:
            self._beating.cancel()
        await self.store.close()

    async def reap(self) -> int:
        """Close the turns of workers that are gone; how many."""
        here = {"host": host()}
        rows = await self.store.rows(WORKERS_HERE, here)
        dead = [row[0] for row in rows if row[0] != self.id and row[2] != born(row[1])]
        closed = await self.store.execute(REAP, {"dead": dead, "lease": self._lease})
        await self.store.execute(FORGET_WORKERS, {"dead": dead, "lease": self._lease})
        if closed:
            logger.warning("closed %d turns that a stopped server had left running", closed)
        return closed

    async def active_brain(self) -> str:
        """The alias in use. Raises DatabaseUnavailable."""
        rows = await self.store.rows("SELECT alias FROM brains_activebrain", {})
        return str(rows[0][0]) if rows else self._default_brain

    async def _beat(self) -> bool:
        try:
            await self.store.execute(
                SIGN_OF_LIFE, {"id": self.id, "host": host(), "pid": os.getpid(), "born": born(os.getpid())}
            )
            await self.reap()
            await self.store.execute(FORGET_KEYS, {"age": self._keys_age})
        except DatabaseUnavailable:
            return False
        return True

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
