"""Pauses of many replies on one timer."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from brains.pacing import TICK, pacer


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-0.01, 0.03), max_size=40), st.sets(st.integers(0, 39), max_size=5))
def test_each_waits_its_time_none_less_and_those_that_are_stopped_hold_up_nobody(
    pauses: list[float], stopped: set[int]
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        late: list[float] = []

        async def wait(pause: float) -> None:
            when = loop.time() + pause
            await pacer().until(when)
            late.append(loop.time() - when)

        tasks = [asyncio.create_task(wait(pause)) for pause in pauses]
        await asyncio.sleep(0)
        still = [task for number, task in enumerate(tasks) if number not in stopped or not task.cancel()]
        async with asyncio.timeout(5):
            await asyncio.gather(*still)
        assert len(late) >= len(still)
        assert all(each >= 0 for each in late)

    asyncio.run(play())


def test_there_is_one_for_each_event_loop() -> None:
    async def mine() -> object:
        assert pacer() is pacer()
        await pacer().until(0)
        return pacer()

    assert asyncio.run(mine()) is not asyncio.run(mine())


def test_replies_that_are_due_together_go_on_together() -> None:
    async def play() -> int:
        loop = asyncio.get_running_loop()
        rounds, count = set[int](), 0

        def turn() -> None:
            nonlocal count
            count += 1
            if len(rounds) < 100:
                loop.call_soon(turn)

        async def wait(number: int) -> None:
            await pacer().until(begun + TICK + number * TICK / 1000)
            rounds.add(count)

        begun = loop.time()
        turn()
        await asyncio.gather(*(wait(number) for number in range(500)))
        return len(rounds)

    assert asyncio.run(play()) <= 3
