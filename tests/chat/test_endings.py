"""Ends of turns that the database does not take at once."""

from __future__ import annotations

import asyncio
from typing import cast
from uuid import UUID

import pytest

from chat import endings
from chat.endings import Endings
from chat.events import Failed
from chat.records import Kept
from chat.store import Store
from problems import DatabaseUnavailable


class Away:
    """A store whose database is away, then back; it refuses one turn."""

    def __init__(self, refused: UUID) -> None:
        self.refused = refused
        self.away = True
        self.stored: dict[UUID, Kept] = {}

    async def keep(self, kept: Kept) -> bool:
        if self.away:
            raise DatabaseUnavailable
        if kept.turn == self.refused:
            raise ValueError(kept.text)
        self.stored[kept.turn] = kept
        return True


def kept(number: int, text: str = "Breathe.") -> Kept:
    return Kept(
        turn=UUID(int=number),
        session=UUID(int=9),
        owner=1,
        user_message=UUID(int=number + 100),
        depth=1,
        offset=5,
        text=text,
        status="complete",
        brain="config",
        model="",
        fallback=False,
        usage=None,
        error="",
        seconds_to_first_token=None,
        cost=None,
        safety="",
    )


def test_what_is_owed_is_stored_later_and_one_that_is_refused_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(endings, "PATIENCE", 0)
    store = Away(refused=UUID(int=1))
    ends = Endings(cast(Store, store))

    async def play() -> None:
        for number, text in ((1, "Breathe."), (2, "Breathe."), (3, "")):
            told = await ends.keep(kept(number, text), None)
            assert isinstance(told, Failed)
            assert (told.problem.code, told.message) == ("not_saved", None)
        with pytest.raises(DatabaseUnavailable):
            await ends.settle()
        assert len(ends.owed) == 3
        store.away = False
        await ends.settle()
        await ends.settle()

    asyncio.run(play())
    assert not ends.owed
    assert {turn.int: (end.status, end.error) for turn, end in store.stored.items()} == {
        2: ("interrupted", "not_saved"),
        3: ("failed", "not_saved"),
    }
    assert "Breathe" not in caplog.text
