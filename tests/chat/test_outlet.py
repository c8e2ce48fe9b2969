"""A turn's text and end, sent to one client, whatever its pace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import sse
from chat.events import Failed
from chat.live import LiveTurn, StoredTurn
from chat.outlet import Outlet, parts
from problems import Internal
from tests.chat.test_live import END, live


class Client:
    """Takes a body from an outlet. `room` is cleared where its socket is full."""

    def __init__(self, turn: LiveTurn | StoredTurn, ping_seconds: float = 60, *, snapshot: bool = False) -> None:
        self.body = b""
        self.over = False
        self.room = asyncio.Event()
        self.room.set()
        self.full_at = ""
        self.pinged = asyncio.Event()
        self.breaks = False
        outlet = Outlet(turn, self._send, ping_seconds)
        self.task = asyncio.create_task(outlet.serve(snapshot=snapshot))

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        assert not self.over
        self.body += message["body"]
        if self.body.count(sse.PING) == 2:
            self.pinged.set()
        self.over = not message.get("more_body", False)
        if self.full_at and self.full_at in self.text:
            self.room.clear()
            self.full_at = ""
        if not self.room.is_set():
            await self.room.wait()
        if self.breaks:
            raise ConnectionResetError

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(line[6:]) for line in self.body.split(b"\n") if line.startswith(b"data: ")]

    @property
    def text(self) -> str:
        return "".join(frame.get("token", frame.get("snapshot", "")) for frame in self.frames)


def test_a_body_opens_with_a_comment_that_fills_a_buffer_and_ends_with_the_end() -> None:
    async def play() -> None:
        turn = live()
        client = Client(turn)
        await asyncio.sleep(0)
        assert len(client.body) >= 512
        assert client.body.startswith(b":")
        assert client.body.endswith(b"\n\n")
        turn.say("Hi ")
        turn.end(END)
        await client.task
        assert client.frames == [{"token": "Hi "}, sse.terminal(END)]
        assert client.over

    asyncio.run(play())


def test_what_is_said_has_gone_out_when_say_returns() -> None:
    async def play() -> None:
        turn = live()
        client = Client(turn)
        await asyncio.sleep(0)
        turn.say("now")
        assert client.text == "now"
        turn.end(END)
        await client.task

    asyncio.run(play())


def test_what_waited_goes_out_as_one_frame() -> None:
    async def play() -> None:
        turn = live()
        for word in ("one ", "two ", "three"):
            turn.say(word)
        client = Client(turn)
        await asyncio.sleep(0)
        assert client.frames == [{"token": "one two three"}]
        turn.end(END)
        await client.task

    asyncio.run(play())


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("length", [0, 7, 50_000])
def test_a_long_text_goes_out_in_small_frames(length: int, snapshot: bool) -> None:
    async def play() -> None:
        turn, stored = live(), StoredTurn(END.turn, END.turn, "calm_coach", "🏃" * length, END)
        clients = [Client(stored, snapshot=snapshot), Client(turn, snapshot=snapshot)]
        if snapshot and length:
            turn.say("🏃" * length)
        await asyncio.sleep(0)
        if not snapshot and length:
            turn.say("🏃" * length)
        turn.end(END)
        for client in clients:
            await client.task
            assert client.text == "🏃" * length
            assert max(map(len, client.body.split(b"\n"))) < sse.FRAME_LIMIT
            assert ("snapshot" in client.frames[0]) is snapshot
            assert sum("snapshot" in frame for frame in client.frames) == snapshot

    asyncio.run(play())


def test_a_full_socket_holds_up_nobody_but_its_client() -> None:
    async def play() -> None:
        turn = live()
        full, other = Client(turn), Client(turn)
        full.full_at = "one "
        await asyncio.sleep(0)
        for word in ("one ", "two ", "three"):
            turn.say(word)
        assert (full.text, other.text) == ("one ", "one two three")
        turn.end(END)
        await other.task
        full.room.set()
        async with asyncio.timeout(5):
            await full.task
        assert full.frames == [{"token": "one "}, {"token": "two three"}, sse.terminal(END)]

    asyncio.run(play())


def test_silence_is_told_and_ends_nothing() -> None:
    async def play() -> None:
        turn = live()
        client = Client(turn, ping_seconds=0.01)
        async with asyncio.timeout(5):
            await client.pinged.wait()
            turn.say("late")
            turn.end(END)
            await client.task
        assert client.text == "late"

    asyncio.run(play())


@pytest.mark.parametrize("full", [False, True])
def test_a_client_that_leaves_is_forgotten_and_the_others_hear_on(full: bool) -> None:
    async def play() -> None:
        turn = live()
        leaving, staying = Client(turn), Client(turn)
        leaving.full_at = "word" if full else ""
        await asyncio.sleep(0)
        turn.say("word")
        assert turn.followers == 2
        leaving.task.cancel()
        await asyncio.wait([leaving.task])
        assert leaving.task.cancelled()
        assert turn.followers == 1
        turn.say(" more")
        turn.end(Failed(END.turn, END.turn, None, Internal()))
        await staying.task
        assert (leaving.text, staying.text) == ("word", "word more")
        assert staying.frames[-1]["error"] == "internal"

    asyncio.run(play())


@pytest.mark.parametrize("full", [False, True])
def test_a_socket_that_breaks_fails_its_own_client_alone(full: bool) -> None:
    async def play() -> None:
        turn = live()
        broken, staying = Client(turn), Client(turn)
        broken.breaks = not full
        broken.full_at = "word" if full else ""
        await asyncio.sleep(0)
        turn.say("word")
        broken.breaks = True
        broken.room.set()
        with pytest.raises(ConnectionResetError):
            await broken.task
        assert turn.followers == 1
        turn.end(END)
        await staying.task
        assert staying.text == "word"

    asyncio.run(play())


def test_a_body_can_be_asked_for_part_by_part() -> None:
    async def play() -> list[bytes]:
        turn = live()
        turn.say("word")
        body = parts(turn, snapshot=True)
        first = [await anext(body) for _ in range(2)]
        turn.end(END)
        return [*first, *[part async for part in body]]

    assert asyncio.run(play()) == [sse.OPENING, *sse.snapshot("word"), sse.frame(sse.terminal(END))]


STEPS = st.lists(st.sampled_from(["say", "shout", "fill", "empty", "round", "join", "snapshot"]), max_size=40)


@given(STEPS)
def test_every_client_gets_all_whatever_comes_between(steps: list[str]) -> None:
    async def play() -> None:
        turn, clients, said = live(), list[Client](), ""
        for number, step in enumerate(steps):
            match step:
                case "say" | "shout":
                    word = f"{number} " if step == "say" else f"{number}é" * 1500
                    turn.say(word)
                    said += word
                case "join" | "snapshot":
                    clients.append(Client(turn, snapshot=step == "snapshot"))
                case "round":
                    await asyncio.sleep(0)
                case _:
                    for client in clients[::2]:
                        client.room.clear() if step == "fill" else client.room.set()
        turn.end(END)
        for client in clients:
            client.room.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(client.task for client in clients))
        assert [client.text for client in clients] == [said] * len(clients)
        assert all(client.over and client.frames[-1] == sse.terminal(END) for client in clients)
        assert turn.followers == 0

    asyncio.run(play())
