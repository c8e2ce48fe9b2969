"""A checkpoint and the end of its turn at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from chat.checkpoints import Checkpoints
from chat.live import LiveTurns
from chat.records import Checkpoint
from chat.store import Store
from tests.chat.test_live import live


class Slow:
    """A store whose checkpoints take until they are let go."""

    def __init__(self) -> None:
        self.asked: list[UUID] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def checkpoint(self, worker: UUID, said: Sequence[Checkpoint], letters: Sequence[Any]) -> set[UUID]:
        self.asked += [one.turn for one in said]
        self.begun.set()
        await self.go_on.wait()
        return {one.turn for one in said}


def test_an_end_waits_for_the_checkpoint_under_way_and_none_comes_after_it() -> None:
    async def play() -> None:
        store, turns, turn = Slow(), LiveTurns(), live()
        checkpoints = Checkpoints(cast(Store, store), turns, UUID(int=5))
        turns.add(turn)
        turn.watchers[UUID(int=6)] = float("inf")
        turn.say("word")
        saving = asyncio.create_task(checkpoints._save())
        await store.begun.wait()
        leaving = asyncio.create_task(checkpoints.leave(turn))
        await asyncio.sleep(0)
        assert not leaving.done()
        store.go_on.set()
        async with asyncio.timeout(5):
            await asyncio.gather(saving, leaving)
        turn.say("late")
        await checkpoints._save()
        await checkpoints.leave(turn)
        assert store.asked == [turn.id]

    asyncio.run(play())


def test_an_end_waits_for_a_checkpoint_that_is_chosen_but_not_begun() -> None:
    """It has been chosen while another end holds it up."""

    async def play() -> None:
        store, turns, turn = Slow(), LiveTurns(), live()
        checkpoints = Checkpoints(cast(Store, store), turns, UUID(int=5))
        turns.add(turn)
        turn.watchers[UUID(int=6)] = float("inf")
        turn.say("word")
        async with checkpoints._written:
            saving = asyncio.create_task(checkpoints._save())
            await asyncio.sleep(0)
            leaving = asyncio.create_task(checkpoints.leave(turn))
            await asyncio.sleep(0)
            assert not leaving.done()
        await store.begun.wait()
        assert not leaving.done()
        store.go_on.set()
        async with asyncio.timeout(5):
            await asyncio.gather(saving, leaving)

    asyncio.run(play())
