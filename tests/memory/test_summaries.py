"""Rolling summaries: when they are due, what they stand for, and who writes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from brains.router import Router
from brains.types import Answering, BrainEvent, Prompt, Stop, TextDelta
from chat import changes
from chat.models import Session
from chat.prompts import Utterance
from identity.models import Owner
from memory import extracts, profiles, summaries
from memory.models import Summary
from tests.memory.turns import session_of, turn_in

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

ROOM = {"room": 1000, "history_from": 0}


class Writer:
    """Stands where the router does, and writes the same summary whatever it is given."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.prompts: list[Prompt] = []

    async def think(self, alias: str, prompt: Prompt, hear: Callable[[Answering | BrainEvent], bool | None]) -> None:
        self.prompts.append(prompt)
        hear(Answering(alias, "model", False))
        for word in self.words:
            if hear(TextDelta(word)):
                return
        hear(Stop("complete"))


def summarised(session: Session, writer: Writer, alias: str = "config") -> int:
    work = cast(Callable[..., Coroutine[Any, Any, int]], summaries.summarise)
    return int(async_to_sync(work)(session.id, cast(Router, writer), alias))


@pytest.fixture
def long() -> Session:
    """Four turns of 400 characters together: 1,600, with room for 1,000."""
    session = session_of(Owner.objects.create(external_id="kari"))
    for name in ("Ada", "Bo", "Cy", "Di"):
        said = f"I have a dog called {name} and I weigh 80 kg. ".ljust(200, "x")
        turn_in(session, said, "Noted. ".ljust(200, "y"), manifest=ROOM)
    return session


def test_a_summary_ends_with_a_whole_turn_and_leaves_room(long: Session) -> None:
    assert summarised(long, Writer()) == 3
    (kept,) = Summary.objects.all()
    assert kept.chars % 400 == 0
    assert 1600 - kept.chars <= 750
    assert kept.message.role == "assistant"
    assert kept.message.offset + 200 == kept.chars
    assert "Ada" in kept.text
    assert summarised(long, Writer()) == 0


def test_a_brain_writes_it_from_the_one_before_and_what_came_since(long: Session, settings: Any) -> None:
    settings.BRAINS = {**settings.BRAINS, "config": {**settings.BRAINS["config"], "SCHEMA": True}}
    writer = Writer("Has a dog, ", "80 kg.")
    assert summarised(long, writer) == 3
    first, second, _ = (prompt.lines[0].text for prompt in writer.prompts)
    assert "(none yet)" in first
    assert "Ada" in first
    assert "<notes>\nHas a dog, 80 kg.\n</notes>" in second
    assert "Ada" not in second
    assert Summary.objects.get().text == "Has a dog, 80 kg."


def test_a_brain_that_talks_on_is_cut_at_a_sentence(long: Session, settings: Any) -> None:
    settings.BRAINS = {**settings.BRAINS, "config": {**settings.BRAINS["config"], "SCHEMA": True}}
    summarised(long, Writer(*["It has a dog. "] * 5000))
    kept = Summary.objects.get().text
    assert summaries.MOST - 20 < len(kept) <= summaries.MOST
    assert kept.endswith("dog.")


def test_it_goes_with_the_last_message_that_it_stands_for(long: Session) -> None:
    summarised(long, Writer())
    changes.delete_message(Summary.objects.get().message)
    assert not Summary.objects.exists()


def test_a_forgotten_topic_goes_from_the_summary_and_from_those_that_follow(long: Session) -> None:
    summarised(long, Writer())
    assert "Ada" in Summary.objects.get().text
    profiles.forget_topic(long.owner, "Ada")
    assert not Summary.objects.exists()
    assert summarised(long, Writer()) == 3
    text = Summary.objects.get().text
    assert "Ada" not in text
    assert "Bo" in text


def test_what_is_forgotten_while_it_is_summarised_is_not_kept(long: Session, settings: Any) -> None:
    class Slow(Writer):
        async def think(self, *asked: Any) -> None:
            await super().think(*asked)
            await sync_to_async(profiles.forget_topic)(long.owner, "Ada")

    settings.BRAINS = {**settings.BRAINS, "config": {**settings.BRAINS["config"], "SCHEMA": True}}
    assert summarised(long, Slow("Has a dog called Ada.")) == 0
    assert not Summary.objects.exists()


def test_it_goes_with_its_session(long: Session) -> None:
    summarised(long, Writer())
    changes.delete(long)
    assert not Summary.objects.exists()


def test_a_session_that_is_gone_needs_none() -> None:
    gone = session_of(Owner.objects.create(external_id="kari"))
    Session.objects.filter(id=gone.id).delete()
    assert summarised(gone, Writer()) == 0


WORDS = st.text(st.sampled_from("abc knee 42 . ! ? \n I my"), min_size=1, max_size=300)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=8), st.text(max_size=100), st.integers(0, 600))
def test_an_extract_is_bounded_and_always_the_same(said: list[tuple[str, str]], before: str, most: int) -> None:
    path = [
        one
        for asked, replied in said
        for one in (Utterance("user", asked), Utterance("assistant", replied, "complete"))
    ]
    found = extracts.extract(before, path, most)
    assert len(found) <= most
    assert found == extracts.extract(before, path, most)


def test_an_extract_keeps_numbers_and_what_the_user_says_of_themselves() -> None:
    path = [
        Utterance("user", "Hello there! I hurt my left knee in March. What a day."),
        Utterance("assistant", "Oh dear. Let's do 20 minutes twice a week.", "complete"),
        Utterance("user", "Ok.", ""),
        Utterance("assistant", "Great.", "complete"),
    ]
    found = extracts.extract("User: I run my 10 km in 52:10.", path, 120)
    assert found.splitlines() == [
        "User: I run my 10 km in 52:10.",
        "User: I hurt my left knee in March.",
        "Coach: Let's do 20 minutes twice a week.",
    ]
