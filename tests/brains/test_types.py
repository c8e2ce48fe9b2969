"""The contract of brains.types.Brain, held by every brain, over real HTTP where it has a vendor."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from brains.errors import BrainError, BrainMisconfigured
from brains.types import BrainEvent, TextDelta
from tests.brains.thinking import EVERY, KEYED, Build, hear, prompt, said_by
from tests.vendor import Vendor

every = pytest.mark.parametrize("build", EVERY.values(), ids=EVERY)
keyed = pytest.mark.parametrize("build", KEYED.values(), ids=KEYED)


@every
def test_a_reply_is_deltas_then_a_usage_at_most_then_one_stop(build: Build, vendor: Vendor) -> None:
    heard = said_by(build(vendor))
    assert heard.stop == "complete"
    assert heard.kinds == ["TextDelta", "Usage", "Stop"]
    assert all(heard.deltas)
    assert heard.text.strip()


@keyed
def test_the_text_is_what_the_vendor_sent_to_the_character(build: Build, vendor: Vendor) -> None:
    sent = vendor.next(deltas=("Blå", "bær ", "og ", "🫐", "\n\n", '  "x"\\', "\u2028", " end"))
    heard = said_by(build(vendor))
    assert heard.text == sent.text


@every
def test_many_turns_at_once_do_not_mix(build: Build, vendor: Vendor) -> None:
    brain = build(vendor)

    async def main() -> list[str]:
        asked = [f"[[deltas=a{number}|b{number}]] number {number}" for number in range(20)]
        try:
            heard = await asyncio.gather(*(hear(brain.think(prompt(text))) for text in asked))
        finally:
            await brain.close()
        assert {each.stop for each in heard} == {"complete"}
        return [each.text for each in heard]

    texts = asyncio.run(main())
    assert len(set(texts)) == 20
    if vendor.turns:
        assert texts == [f"a{number}b{number}" for number in range(20)]


@every
def test_by_a_schema_a_brain_answers_with_json_or_refuses_without_a_word(build: Build, vendor: Vendor) -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["a"],
        "properties": {"a": {"type": "string"}},
    }
    heard = said_by(build(vendor), replace(prompt(), schema=schema))
    if heard.error:
        assert type(heard.error) is BrainMisconfigured
        assert not heard.kinds
    else:
        assert heard.kinds == ["TextDelta", "Usage", "Stop"]
        assert json.loads(heard.text).keys() == {"a"}


@keyed
def test_closing_early_releases_the_connection(build: Build, vendor: Vendor) -> None:
    vendor.next(words=1000, pace=0.01)
    brain = build(vendor)

    async def main() -> float:
        async with aclosing(brain.think(prompt())) as events:
            async for _ in events:
                break
        closed = time.monotonic()
        assert await asyncio.to_thread(vendor.turns[0].over.wait, 5)
        await brain.close()
        return (vendor.turns[0].left_at or closed + 99) - closed

    assert asyncio.run(main()) < 1
    assert vendor.turns[0].finished_at is None


@keyed
def test_cancelling_a_turn_releases_the_connection(build: Build, vendor: Vendor) -> None:
    vendor.next(stall=1)
    brain = build(vendor)

    async def main() -> None:
        spoke = asyncio.Event()

        async def listen(events: AsyncGenerator[BrainEvent, None]) -> None:
            async with aclosing(events):
                async for _ in events:
                    spoke.set()

        task = asyncio.create_task(listen(brain.think(prompt())))
        await asyncio.wait_for(spoke.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(vendor.turns[0].over.wait, 5)
        await brain.close()

    asyncio.run(main())
    assert vendor.turns[0].left_at


@keyed
def test_a_finished_reply_leaves_its_connection_to_the_next(build: Build, vendor: Vendor) -> None:
    brain = build(vendor)

    async def main() -> None:
        for _ in range(3):
            await hear(brain.think(prompt()))
        await brain.close()

    asyncio.run(main())
    assert (len(vendor.turns), vendor.connections) == (3, 1)


@pytest.mark.timing
@keyed
def test_deltas_come_as_they_are_sent(build: Build, vendor: Vendor) -> None:
    vendor.next(words=20, pace=0.05)
    brain = build(vendor)

    async def main() -> list[float]:
        times = []
        async with aclosing(brain.think(prompt())) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    times.append(time.monotonic())
        await brain.close()
        return times

    times = asyncio.run(main())
    lags = [at - times[0] - 0.05 * number for number, at in enumerate(times)]
    assert max(map(abs, lags)) < 0.1


@every
def test_a_probe_of_a_well_brain_says_nothing(build: Build, vendor: Vendor) -> None:
    brain = build(vendor)

    async def main() -> None:
        await brain.probe()
        await brain.close()

    asyncio.run(main())
    assert not vendor.turns


@keyed
@pytest.mark.parametrize("status", [401, 500])
def test_a_probe_of_an_unwell_brain_raises_what_a_turn_would(build: Build, vendor: Vendor, status: int) -> None:
    vendor.model_status = status
    vendor.next(status=status)
    brain = build(vendor)

    async def main() -> BrainError:
        with pytest.raises(BrainError) as caught:
            await brain.probe()
        heard = await hear(brain.think(prompt()))
        await brain.close()
        assert heard.error is not None
        assert type(heard.error) is type(caught.value)
        return caught.value

    assert "secret" not in asyncio.run(main()).message


@every
def test_an_option_that_nobody_reads_is_refused(build: Build, vendor: Vendor) -> None:
    with pytest.raises(BrainMisconfigured, match="no option temprature"):
        build(vendor, temprature=1)


@keyed
@pytest.mark.parametrize("name", ["api_key", "model"])
def test_a_brain_without_what_it_needs_is_refused(build: Build, vendor: Vendor, name: str) -> None:
    with pytest.raises(BrainMisconfigured, match=name):
        build(vendor, **{name: ""})


@every
def test_the_model_in_use_is_not_deprecated(build: Build, vendor: Vendor) -> None:
    assert build(vendor).deprecation() is None
