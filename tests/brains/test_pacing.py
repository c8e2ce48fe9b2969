"""Pauses of many replies on one timer."""

from __future__ import annotations

import asyncio
from functools import partial

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


def test_an_earlier_pause_does_not_wait_for_a_later_one() -> None:
    async def play() -> float:
        loop = asyncio.get_running_loop()
        later = asyncio.create_task(pacer().until(loop.time() + 30))
        await asyncio.sleep(0)
        when = loop.time() + 0.02
        await pacer().until(when)
        later.cancel()
        return loop.time() - when

    assert asyncio.run(play()) < 5


def test_alarms_ring_at_their_time_and_cancelled_ones_not_whatever_another_does() -> None:
    rung = list[tuple[int, float]]()

    async def play() -> None:
        loop = asyncio.get_running_loop()
        broken = list[object]()
        loop.set_exception_handler(lambda _, context: broken.append(context["exception"]))
        begun, over = loop.time(), loop.create_future()

        def ring(number: int) -> None:
            rung.append((number, loop.time() - begun))
            if number == 1:
                raise ValueError
            if number == 3:
                over.set_result(None)

        alarms = [pacer().call_at(begun + 0.01 * (number + 1), partial(ring, number)) for number in range(4)]
        alarms[0].cancel()
        alarms[2].cancel()
        async with asyncio.timeout(5):
            await over
        assert [type(error) for error in broken] == [ValueError]

    asyncio.run(play())
    assert [number for number, _ in rung] == [1, 3]
    assert all(at >= 0.01 * (number + 1) for number, at in rung)
