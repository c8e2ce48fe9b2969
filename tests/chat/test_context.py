"""Sources of context: asked before each turn, never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured

from chat.context import NOTHING, Asked, Context, Rows, Sources, Summary

ASKED = Asked(1, True, "en", UUID(int=1), None, 0, "Hello")


async def no_rows(statement: str, values: dict[str, Any], *, ms: int | None = None) -> Sequence[tuple[Any, ...]]:
    return []


class Facts:
    async def context(self, asked: Asked, rows: Rows) -> Context:
        return Context(facts=f"owner {asked.owner}", used={"facts": ["f1"]})


class Recall:
    async def context(self, asked: Asked, rows: Rows) -> Context:
        await rows("SELECT 1", {})
        return Context(summary=Summary(UUID(int=2), "before", 10), aside="quoted", used={"recalled": ["m1"]})


class Broken:
    well = False

    async def context(self, asked: Asked, rows: Rows) -> Context:
        if self.well:
            return NOTHING
        raise ValueError(asked.text)


class Slow:
    async def context(self, asked: Asked, rows: Rows) -> Context:
        await asyncio.sleep(60)
        return NOTHING


def sources(*kinds: type) -> Sources:
    return Sources([f"{__name__}.{kind.__name__}" for kind in kinds], patience=0.05)


def test_what_they_tell_is_put_together() -> None:
    told = asyncio.run(sources(Facts, Recall).context(ASKED, no_rows))
    assert told == Context(
        "owner 1", Summary(UUID(int=2), "before", 10), "quoted", {"facts": ["f1"], "recalled": ["m1"]}
    )
    assert asyncio.run(Sources([]).context(ASKED, no_rows)) is NOTHING


@pytest.mark.parametrize("bad", [Broken, Slow])
def test_one_that_fails_or_is_slow_is_left_out_and_told_once(bad: type, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> list[Context]:
        found = sources(bad, Facts)
        return [await found.context(ASKED, no_rows) for _ in range(3)]

    with caplog.at_level(logging.WARNING):
        told = asyncio.run(play())
    assert [each.facts for each in told] == ["owner 1"] * 3
    assert [record.message.split()[3] for record in caplog.records] == [bad.__qualname__]
    assert "Hello" not in caplog.text


def test_a_path_that_leads_nowhere_is_told_at_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"memory\.nowhere\.Source"):
        Sources(["memory.nowhere.Source"])
