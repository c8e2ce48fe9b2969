"""Followers of a running turn: each hears everything, in order, whatever its pace."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.events import Done, Quiet, Said
from chat.live import MOST_FOLLOWERS, LiveTurn, LiveTurns
from problems import ServerBusy

END = Done(UUID(int=1), UUID(int=2), UUID(int=1), "complete", "config", False, None)


def live() -> LiveTurn:
    return LiveTurn(UUID(int=1), UUID(int=9), "fitness_coach")


async def heard(turn: LiveTurn, pause_every: int = 0) -> tuple[str, bool]:
    text, ended, count = "", False, 0
    async for event in turn.follow():
        assert not ended
        match event:
            case Said(part):
                assert part
                text += part
            case Done():
                ended = True
        count += 1
        if pause_every and count % pause_every == 0:
            await asyncio.sleep(0)
    return text, ended


@given(st.lists(st.text(min_size=1, max_size=5), max_size=30), st.integers(0, 4), st.integers(0, 3))
def test_every_follower_hears_all_whenever_it_comes(pieces: list[str], late: int, slow: int) -> None:
    async def play() -> None:
        turn = live()
        followers = [asyncio.create_task(heard(turn))]
        for number, piece in enumerate(pieces):
            turn.say(piece)
            if number == late:
                followers.append(asyncio.create_task(heard(turn, slow)))
            if number % 2:
                await asyncio.sleep(0)
        turn.end(END)
        followers.append(asyncio.create_task(heard(turn)))
        for result in await asyncio.gather(*followers):
            assert result == ("".join(pieces), True)
        assert await turn.finished() is END

    asyncio.run(play())


def test_what_waited_comes_as_one_event() -> None:
    async def play() -> list[object]:
        turn = live()
        for word in ("one ", "two ", "three"):
            turn.say(word)
        turn.end(END)
        return [event async for event in turn.follow()]

    assert asyncio.run(play()) == [Said("one two three"), END]


def test_silence_is_told_and_does_not_end_the_following() -> None:
    async def play() -> list[object]:
        turn = live()
        events: list[object] = []
        async for event in turn.follow(ping_seconds=0.01):
            events.append(event)
            if events == [Quiet()]:
                turn.say("late")
                turn.end(END)
        return events

    assert asyncio.run(play()) == [Quiet(), Said("late"), END]


def test_a_follower_that_leaves_is_forgotten_and_the_others_hear_on() -> None:
    async def play() -> None:
        turn = live()
        leaving, staying = asyncio.create_task(heard(turn)), asyncio.create_task(heard(turn))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        turn.say("still here")
        turn.end(END)
        assert await staying == ("still here", True)

    asyncio.run(play())


def test_turns_are_found_until_they_are_removed() -> None:
    turns, one = LiveTurns(), live()
    turns.add(one)
    assert turns.get(one.id) is one
    turns.remove(one)
    assert turns.get(one.id) is None
    assert len(turns) == 0


def test_a_turn_has_so_many_followers_and_no_more() -> None:
    async def play() -> None:
        turn = live()
        followers = [asyncio.create_task(heard(turn)) for _ in range(MOST_FOLLOWERS)]
        turn.expect_follower()
        await asyncio.sleep(0)
        with pytest.raises(ServerBusy):
            turn.expect_follower()
        followers.pop().cancel()
        await asyncio.sleep(0)
        turn.expect_follower()
        turn.end(END)
        await asyncio.gather(*followers)

    asyncio.run(play())


@given(st.lists(st.one_of(st.text(min_size=1, max_size=5), st.none()), max_size=30))
def test_checkpoints_hold_each_word_once(steps: list[str | None]) -> None:
    """None: what was said so far is stored, while another word comes."""
    turn, stored = live(), ""
    for step in steps:
        if step is not None:
            turn.say(step)
            continue
        checkpoint, mark = turn.unsaved()
        assert checkpoint.start == len(stored)
        turn.say("amid ")
        turn.save(checkpoint, mark, taken_at=7.0)
        stored += checkpoint.text
        assert turn.unsaved_since == 7.0, "what came meanwhile is as old as the checkpoint at most"
    assert stored + turn.unsaved()[0].text == turn.text
