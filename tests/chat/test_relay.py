"""Mirrors of turns that other workers run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import cast
from uuid import UUID

import pytest

from chat.events import Failed
from chat.records import Progress, Stored
from chat.relay import Relay
from chat.store import Store
from problems import ServerStopping

TURN = UUID(int=1)
STORED = Stored(
    TURN, UUID(int=2), UUID(int=3), "running", "", "claude", "m", False, None, None, "", "calm_coach", UUID(int=4), ""
)


class Elsewhere:
    """A store in which a turn runs on."""

    async def tell(self, letters: list[tuple[str, str]]) -> None:
        assert letters == [(f"coach_{UUID(int=4).hex}", f"follow {TURN.hex} {UUID(int=5).hex}")]

    async def progress(self, seen: Mapping[UUID, int]) -> dict[UUID, Progress]:
        return {TURN: Progress(TURN, "running", "Breathe"[seen[TURN] :])}


def test_a_follower_that_begins_long_after_it_joined_is_told_to_come_again() -> None:
    async def play() -> None:
        relay = Relay(cast(Store, Elsewhere()), UUID(int=5))
        live = await relay.join(STORED)
        for _ in range(3):
            relay._drop_unfollowed()
        assert live.text == "Breathe"
        assert isinstance(live.ended, Failed)
        assert live.ended.problem.retryable
        assert await relay.join(STORED) is not live
        relay.close()

    asyncio.run(play())


def test_followers_here_share_one_mirror_and_are_told_when_the_server_stops() -> None:
    async def play() -> None:
        relay = Relay(cast(Store, Elsewhere()), UUID(int=5))
        live = await relay.join(STORED)
        assert await relay.join(STORED) is live
        following = asyncio.create_task(live.finished())
        assert live.read(0) == ("Breathe", 1)
        relay.close()
        end = await following
        assert isinstance(end, Failed)
        assert (end.problem.code, end.message) == ("server_stopping", TURN)

    asyncio.run(play())


def test_none_is_followed_from_a_server_that_has_stopped() -> None:
    async def play() -> None:
        relay = Relay(cast(Store, Elsewhere()), UUID(int=5))
        relay.close()
        with pytest.raises(ServerStopping):
            await relay.join(STORED)

    asyncio.run(play())


class Slow(Elsewhere):
    """Answers those who ask at once together, and differently once the turn has ended."""

    def __init__(self) -> None:
        self.asked = 0
        self.both = asyncio.Event()
        self.ended = False

    async def progress(self, seen: Mapping[UUID, int]) -> dict[UUID, Progress]:
        self.asked += 1
        if self.asked == 2:
            self.both.set()
        await self.both.wait()
        return await super().progress(seen) if not self.ended else {}

    async def stored(self, turn: UUID) -> Stored:
        assert turn == TURN
        await asyncio.sleep(0)
        return replace(STORED, status="complete", text="Breathe in")


def test_news_while_a_follower_joins_tell_nothing_twice() -> None:
    async def play() -> None:
        store = Slow()
        relay = Relay(cast(Store, store), UUID(int=5))
        joining = asyncio.create_task(relay.join(STORED))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        mirror = relay._mirrors[TURN]
        news = asyncio.create_task(relay._bring_up_to_date([mirror]))
        live = await joining
        await news
        assert (live.text, mirror.seen) == ("Breathe", 7)
        store.ended, store.asked = True, 0
        store.both.clear()
        await asyncio.gather(relay._bring_up_to_date([mirror]), relay._bring_up_to_date([mirror]))
        assert live.text == "Breathe in"
        assert live.ended
        relay.close()

    asyncio.run(play())
