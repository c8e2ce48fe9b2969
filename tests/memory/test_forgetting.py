"""What is forgotten while the background takes it in, or a request writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction

from brains.router import Router
from brains.types import Prompt, TextDelta
from chat import changes
from chat.models import Message, Turn
from identity.models import Owner
from memory import drawing, facts, finding, indexing, profiles
from memory.models import Census, Fact, Lesson, Passage, Posting
from problems import MemoryPaused
from tests.coach_project.processes import until
from tests.memory.conversations import owner
from tests.memory.talks import fact, talk

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

PATIENCE = 90
WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
"""Not by pg_stat_activity, of which a transaction sees the same all the time."""


@pytest.fixture
def aside() -> Iterator[Callable[..., Future[Any]]]:
    """Carry something out in a thread with a database connection of its own."""

    def closing(do: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return do(*arguments)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        yield lambda do, *arguments: threads.submit(closing, do, *arguments)


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def take_in(whose: Owner, read: threading.Event, go_on: threading.Event) -> None:
    """As finding does, with a stop between its look and its writing."""
    with transaction.atomic():
        profiles.hold_finding()
        said = finding.sayings(whose, list(finding.memorable(whose.pk)))
        read.set()
        assert go_on.wait(PATIENCE)
        indexing.index(whose.pk, said, whose.language)


@pytest.mark.parametrize("what", ["topic", "all"])
def test_what_is_being_taken_in_is_forgotten_too(what: str, aside: Callable[..., Future[Any]]) -> None:
    whose = owner("kari")
    talk(whose, ("We adopted a kitten.", "What a kitten!"))
    read, go_on = threading.Event(), threading.Event()
    finder = aside(take_in, whose, read, go_on)
    assert read.wait(PATIENCE)
    forget, arguments = (
        (profiles.forget_topic, (whose, "kitten")) if what == "topic" else (profiles.forget_all, (whose,))
    )
    forgetting = aside(forget, *arguments)
    until(someone_waits)
    go_on.set()
    finder.result(PATIENCE)
    assert forgetting.result(PATIENCE).messages == 2
    finding.find(100)
    assert not Passage.objects.exists()
    assert not Posting.objects.exists()


def settle(whose: Owner, said: Message, kept: threading.Event, go_on: threading.Event) -> None:
    """As drawing does, with a stop before its end."""
    with transaction.atomic():
        list(Lesson.objects.select_for_update().filter(owner=whose, drawn=False))
        facts.keep(
            whose.pk, [facts.Candidate("other", "", "Has a pet.", said.text, said.id, "extracted", 1, date.today())]
        )
        kept.set()
        assert go_on.wait(PATIENCE)
        Lesson.objects.filter(owner=whose).update(drawn=True)


@pytest.mark.parametrize("what", ["topic", "all"])
def test_a_fact_that_is_being_drawn_is_forgotten_too(what: str, aside: Callable[..., Future[Any]]) -> None:
    whose = owner("kari")
    said = talk(whose, ("Nala sleeps on my bed.", "Who is Nala?"))[0]
    finding.find(100)
    kept, go_on = threading.Event(), threading.Event()
    drawer = aside(settle, whose, said, kept, go_on)
    assert kept.wait(PATIENCE)
    forget, arguments = (profiles.forget_topic, (whose, "pets")) if what == "topic" else (profiles.forget_all, (whose,))
    forgetting = aside(forget, *arguments)
    until(someone_waits)
    go_on.set()
    drawer.result(PATIENCE)
    assert forgetting.result(PATIENCE) == profiles.Forgotten(1, 1 if what == "topic" else 2)
    assert not Fact.objects.exists()
    assert not Passage.objects.filter(message=said).exists()


def test_a_pause_waits_for_what_is_written_and_nothing_is_written_after_it(aside: Callable[..., Future[Any]]) -> None:
    whose = owner("kari")
    profiles.of(whose.pk)
    with transaction.atomic():
        profiles.writable(whose.pk)
        pausing = aside(profiles.pause, whose.pk)
        until(lambda: aside(someone_waits).result(PATIENCE))  # within a transaction the view stands still
        assert not pausing.done()
        fact(whose, "Likes tea.")
    assert pausing.result(PATIENCE).paused
    with transaction.atomic(), pytest.raises(MemoryPaused):
        profiles.writable(whose.pk)


def test_who_deletes_locks_messages_in_order_and_before_all_that_hangs_on_them(
    aside: Callable[..., Future[Any]],
) -> None:
    """As forgetting does, or the two could wait for each other."""
    said = talk(owner("kari"), *((f"My kitten did trick {number}.", "What a kitten!") for number in range(4)))
    finding.find(100)
    first, *others = sorted(message.id for message in said)
    Message.objects.filter(id=first).update(text="Moved behind the others, in the table.")
    with transaction.atomic():
        Message.objects.select_for_update(no_key=True).get(id=first)
        deleting = aside(changes.delete, said[0].session)
        until(someone_waits)
        assert len(Message.objects.select_for_update(nowait=True).filter(id__in=others)) == 7
        assert len(Lesson.objects.select_for_update(nowait=True).all()) == 4
        assert len(Turn.objects.select_for_update(nowait=True).all()) == 4
    deleting.result(PATIENCE)
    assert not Message.objects.exists()


def test_forgetting_and_deleting_sessions_at_once_do_not_lock_each_other_out(aside: Callable[..., Future[Any]]) -> None:
    whose = owner("kari")
    sessions = []
    for number in range(12):
        said = talk(whose, *((f"My kitten did trick {number}.", f"What a kitten, {turn}!") for turn in range(4)))
        fact(whose, f"The kitten does trick {number}.", said[0])
        sessions.append(said[0].session)
    finding.find(100)
    deleting = [aside(changes.delete, session) for session in sessions]
    forgetting = [aside(profiles.forget_topic, whose, "kitten"), aside(profiles.forget_all, whose)]
    for one in (*deleting, *forgetting):
        one.result(PATIENCE)
    assert not Passage.objects.exists()
    assert not Posting.objects.exists()
    assert not Fact.objects.exists()
    assert not Lesson.objects.filter(drawn=False).exists()
    assert sum(Census.objects.values_list("messages", flat=True)) == 0
    assert not facts.live(whose.pk).exists()


@pytest.mark.parametrize(
    ("wish", "drawn_later"),
    [
        (lambda whose: profiles.forget_topic(whose, "pets"), False),
        (profiles.forget_all, False),
        (lambda whose: profiles.pause(whose.pk), True),
    ],
    ids=["topic", "all", "pause"],
)
def test_what_is_wished_while_a_brain_thinks_holds_for_what_it_says(
    wish: Callable[[Owner], object], drawn_later: bool
) -> None:
    whose = owner("kari")
    talk(whose, ("We have a kitten.", "How lovely!"))
    finding.find(100)
    told = {"kind": "other", "slot": "", "text": "Has a kitten.", "quote": "We have a kitten", "message": 0}

    class Brain:
        async def think(self, alias: str, prompt: Prompt, hear: Callable[[object], object]) -> None:
            await sync_to_async(wish)(whose)
            hear(TextDelta(json.dumps({"facts": [{**told, "confidence": 1, "date": None}]})))

    async def draw() -> int:
        return await drawing.draw(whose.pk, cast(Router, Brain()), "claude")

    assert async_to_sync(draw)() == 0
    assert not Fact.objects.exists()
    assert Lesson.objects.filter(drawn=False).exists() == drawn_later


def test_turns_that_hold_nothing_are_drawn_once_also_of_who_has_no_profile() -> None:
    whose = owner("kari")
    turns = talk(whose, ("Nobody hears this.", "No."), temporary=True)
    Lesson.objects.create(turn_id=turns[1].id, owner=whose)

    async def draw() -> int:
        return await drawing.draw(whose.pk, Router(), "config")

    assert async_to_sync(draw)() == 0
    assert not Lesson.objects.filter(drawn=False).exists()
