"""The text of a running turn, for whoever reads it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from chat.events import Done
from chat.live import MOST_FOLLOWERS, SLICE, LiveTurn, LiveTurns, StoredTurn
from problems import ServerBusy

END = Done(UUID(int=1), UUID(int=2), UUID(int=1), "complete", "config", False, None)


def live() -> LiveTurn:
    return LiveTurn(UUID(int=1), UUID(int=9), "fitness_coach")


class Counter:
    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


def test_what_waited_is_read_as_one_up_to_a_slice() -> None:
    turn = live()
    for word in ("one ", "two ", "x" * SLICE, "three"):
        turn.say(word)
    text, position = turn.read(0)
    assert text == "one two " + "x" * SLICE
    assert turn.read(position) == ("three", 4)
    assert turn.read(4) == ("", 4)


def test_a_stored_turn_is_read_in_slices_too() -> None:
    turn = StoredTurn(UUID(int=1), UUID(int=9), "calm_coach", "y" * SLICE + "end", END)
    text, position = turn.read(0)
    assert text == "y" * SLICE
    assert turn.read(position) == ("end", SLICE + 3)
    assert turn.read(SLICE + 3) == ("", SLICE + 3)
    assert asyncio.run(turn.finished()) is END


def test_followers_are_woken_at_each_word_and_at_the_first_end() -> None:
    turn, one, other = live(), Counter(), Counter()
    turn.attach(one)
    turn.say("word")
    turn.attach(other)
    turn.say("word")
    turn.detach(one)
    turn.end(END)
    turn.end(Done(UUID(int=1), UUID(int=2), None, "stopped", "config", False, None))
    assert (one.woken, other.woken) == (2, 2)
    assert turn.ended is END


def test_the_end_can_be_waited_for() -> None:
    async def play() -> None:
        turn = live()
        waiting = asyncio.create_task(turn.finished())
        leaving = asyncio.create_task(turn.finished())
        await asyncio.sleep(0)
        turn.say("word")
        leaving.cancel()
        await asyncio.wait([leaving])
        assert turn.followers == 1
        turn.end(END)
        assert await waiting is END
        assert await turn.finished() is END
        assert turn.followers == 0

    asyncio.run(play())


def test_turns_are_found_until_they_are_removed() -> None:
    turns, one = LiveTurns(), live()
    turns.add(one)
    assert turns.get(one.id) is one
    turns.remove(one)
    assert turns.get(one.id) is None
    assert len(turns) == 0


def test_a_turn_has_so_many_followers_and_no_more() -> None:
    turn = live()
    followers = [Counter() for _ in range(MOST_FOLLOWERS)]
    for follower in followers:
        turn.expect_follower()
        turn.attach(follower)
    with pytest.raises(ServerBusy):
        turn.expect_follower()
    turn.detach(followers.pop())
    turn.expect_follower()
