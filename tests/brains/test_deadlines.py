"""How long a brain may keep a turn waiting."""

from __future__ import annotations

import asyncio

from brains.deadlines import Deadlines

LONG = 60.0


async def waits(deadlines: Deadlines, seconds: float) -> str:
    """One wait as the router does it: what became of it."""
    if not deadlines.waiting():
        return "over"
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if deadlines.passed():
            return "passed"
        raise
    deadlines.came(True)
    return "came"


def made(first: float = LONG, idle: float = LONG, whole: float = LONG) -> Deadlines:
    return Deadlines(first, idle, asyncio.get_running_loop().time() + whole)


def test_a_first_word_that_does_not_come_is_not_waited_for() -> None:
    async def main() -> None:
        deadlines = made(first=0.05)
        assert await waits(deadlines, LONG) == "passed"
        deadlines.close()
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    asyncio.run(main())


def test_a_next_word_that_does_not_come_is_not_waited_for() -> None:
    async def main() -> None:
        deadlines = made(idle=0.05)
        assert await waits(deadlines, 0) == "came"
        assert await waits(deadlines, LONG) == "passed"
        deadlines.close()

    asyncio.run(main())


def test_events_without_text_do_not_put_off_the_first_word() -> None:
    async def main() -> str:
        deadlines = made(first=0.2, idle=LONG)
        for _ in range(1000):
            deadlines.waiting()
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                assert deadlines.passed()
                return "passed"
            deadlines.came(False)
        return "never"

    assert asyncio.run(main()) == "passed"


def test_words_that_trickle_in_do_not_put_off_the_end_of_the_whole() -> None:
    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        deadlines = made(first=0.1, idle=0.1, whole=0.4)
        results: list[str] = []
        while not results or results[-1] == "came":
            results.append(await waits(deadlines, 0.02))
        deadlines.close()
        return results, loop.time() - begun

    results, seconds = asyncio.run(main())
    assert results[-1] in ("passed", "over")
    assert len(results) > 5
    assert 0.35 < seconds < 5


def test_time_spent_on_other_things_is_no_waiting() -> None:
    async def main() -> str:
        deadlines = made(first=0.1, idle=0.1)
        assert await waits(deadlines, 0) == "came"
        await asyncio.sleep(0.3)
        result = await waits(deadlines, 0.01)
        deadlines.close()
        return result

    assert asyncio.run(main()) == "came"


def test_what_is_there_at_once_is_still_bounded_by_the_whole() -> None:
    async def main() -> int:
        deadlines = made(whole=0.05)
        count = 0
        while deadlines.waiting():
            deadlines.came(True)
            count += 1
        deadlines.close()
        return count

    assert asyncio.run(main()) > 100


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def main() -> bool:
        task = asyncio.create_task(waits(made(), LONG))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())


def test_a_closed_one_cancels_nothing() -> None:
    async def main() -> str:
        deadlines = made(first=0.02)
        deadlines.waiting()
        deadlines.close()
        await asyncio.sleep(0.1)
        return "alive"

    assert asyncio.run(main()) == "alive"


def test_a_deadline_that_passes_while_a_stopped_brain_tidies_up_does_not_undo_the_stop() -> None:
    async def main() -> bool:
        async def tidies_up() -> str:
            deadlines = made(first=0.05)
            deadlines.waiting()
            try:
                try:
                    await asyncio.sleep(LONG)
                finally:
                    await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                if deadlines.passed():
                    return "passed"
                raise
            return "came"

        task = asyncio.create_task(tidies_up())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())
