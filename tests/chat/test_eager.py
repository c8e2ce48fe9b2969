"""A coroutine that is carried on by whoever has news for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.eager import Eager
from chat.events import Done, Said
from chat.live import LiveTurn
from tests.chat.test_live import END, live


class Reader:
    """Reads a turn eagerly to a socket that can be full."""

    def __init__(self, turn: LiveTurn) -> None:
        self.text = ""
        self.ended = False
        self.left = False
        self.room = asyncio.Event()
        self.room.set()
        self.eager = Eager()
        self.task = asyncio.create_task(self.eager.carry(self._read(turn)))

    async def _read(self, turn: LiveTurn) -> None:
        try:
            async for event in turn.follow(self.eager):
                match event:
                    case Said(text):
                        self.text += text
                    case Done():
                        self.ended = True
                if not self.room.is_set():
                    await self.room.wait()
        finally:
            self.left = True


def test_what_is_said_has_been_read_when_say_returns() -> None:
    async def play() -> None:
        turn = live()
        reader = Reader(turn)
        await asyncio.sleep(0)
        turn.say("now")
        assert reader.text == "now"
        turn.end(END)
        assert reader.ended
        await reader.task

    asyncio.run(play())


def test_a_full_socket_holds_up_nobody_but_its_reader() -> None:
    async def play() -> None:
        turn = live()
        full, other = Reader(turn), Reader(turn)
        full.room.clear()
        await asyncio.sleep(0)
        for word in ("one ", "two ", "three"):
            turn.say(word)
        assert (full.text, other.text) == ("one ", "one two three")
        full.room.set()
        async with asyncio.timeout(5):
            turn.end(END)
            await asyncio.gather(full.task, other.task)
        assert full.text == "one two three"
        assert full.ended

    asyncio.run(play())


@pytest.mark.parametrize("full", [False, True])
def test_cancelling_reaches_what_is_carried(full: bool) -> None:
    async def play() -> None:
        turn = live()
        reader = Reader(turn)
        await asyncio.sleep(0)
        if full:
            reader.room.clear()
            turn.say("word")
        assert turn.followers == 1
        reader.task.cancel()
        await asyncio.wait([reader.task])
        assert reader.task.cancelled()
        assert reader.left
        assert turn.followers == 0
        turn.say("more")
        turn.end(END)
        assert "more" not in reader.text

    asyncio.run(play())


def test_a_failure_is_raised_where_the_work_was_given() -> None:
    async def play() -> None:
        turn, eager = live(), Eager()

        async def breaks() -> None:
            async for _ in turn.follow(eager):
                raise ConnectionResetError

        task = asyncio.create_task(eager.carry(breaks()))
        await asyncio.sleep(0)
        turn.say("word")
        with pytest.raises(ConnectionResetError):
            await task

    asyncio.run(play())


def test_work_that_waits_for_other_things_goes_on_by_itself() -> None:
    async def waits(seen: list[str]) -> None:
        await asyncio.sleep(0)
        seen.append("a round")
        await asyncio.sleep(0.001)
        seen.append("a while")

    async def play(work: Coroutine[Any, Any, None]) -> None:
        async with asyncio.timeout(5):
            await Eager().carry(work)

    seen: list[str] = []
    asyncio.run(play(waits(seen)))
    assert seen == ["a round", "a while"]


@given(st.lists(st.sampled_from(["say", "fill", "empty", "round", "join"]), max_size=40))
def test_every_reader_reads_all_whatever_comes_between(steps: list[str]) -> None:
    async def play() -> None:
        turn, readers, said = live(), [], ""
        for number, step in enumerate(steps):
            match step:
                case "say":
                    turn.say(f"{number} ")
                    said += f"{number} "
                case "join":
                    readers.append(Reader(turn))
                case "round":
                    await asyncio.sleep(0)
                case _:
                    for reader in readers[::2]:
                        reader.room.clear() if step == "fill" else reader.room.set()
        turn.end(END)
        for reader in readers:
            reader.room.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(reader.task for reader in readers))
        assert [reader.text for reader in readers] == [said] * len(readers)
        assert all(reader.ended and reader.left for reader in readers)
        assert turn.followers == 0

    asyncio.run(play())
