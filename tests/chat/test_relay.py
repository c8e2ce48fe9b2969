"""Mirrors of turns that other workers run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast
from uuid import UUID

from chat.events import Failed, Said, Snapshot
from chat.records import Progress, Stored
from chat.relay import Relay
from chat.store import Store

TURN = UUID(int=1)
STORED = Stored(
    TURN, UUID(int=2), UUID(int=3), "running", "", "claude", "m", False, None, None, "", "calm_coach", UUID(int=4)
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
        events = [event async for event in live.follow(snapshot=True)]
        assert events[0] == Snapshot("Breathe")
        assert isinstance(events[-1], Failed)
        assert events[-1].problem.retryable
        assert await relay.join(STORED) is not live
        relay.close()

    asyncio.run(play())


def test_followers_here_share_one_mirror_and_are_told_when_the_server_stops() -> None:
    async def play() -> None:
        relay = Relay(cast(Store, Elsewhere()), UUID(int=5))
        live = await relay.join(STORED)
        assert await relay.join(STORED) is live
        following = live.follow()
        assert await anext(following) == Said("Breathe")
        relay.close()
        end = await anext(following)
        assert isinstance(end, Failed)
        assert (end.problem.code, end.message) == ("server_stopping", TURN)

    asyncio.run(play())
