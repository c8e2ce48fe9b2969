"""Finished turns are found, once each, and only what may be remembered is taken in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.models import Message, Status, Turn
from identity.callers import ANONYMOUS
from identity.models import Owner
from memory import finding
from memory.models import Lesson, Omission, Passage, Profile, Watermark
from tests.memory.turns import NOW, end, session_of, turn_in

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def kari() -> Owner:
    return Owner.objects.create(external_id="kari", language="en", time_zone="Europe/Oslo")


def remembered(owner: Owner) -> set[str]:
    ids = Passage.objects.filter(owner=owner).values("message")
    return set(Message.objects.filter(id__in=ids).values_list("text", flat=True))


def test_both_sides_of_a_finished_turn_are_taken_in_once(kari: Owner) -> None:
    turn_in(session_of(kari), "My knee hurts", "Rest it")
    assert finding.find(10).turns == 1
    assert remembered(kari) == {"My knee hurts", "Rest it"}
    assert finding.find(10).turns == 0
    assert finding.waiting() == [kari.id]


def test_a_turn_that_ends_long_after_later_ones_is_found(kari: Owner) -> None:
    slow = turn_in(session_of(kari), "A long question", status=Status.RUNNING, at=NOW - timedelta(hours=3))
    turn_in(session_of(kari), "My knee hurts", at=NOW - timedelta(hours=2))
    assert finding.find(10).turns == 1
    assert Watermark.objects.get().at == Turn.objects.get(id=slow.id).created_at
    end(slow, "A late reply")
    assert finding.find(10).turns == 1
    assert "A late reply" in remembered(kari)
    assert Watermark.objects.get().at > NOW - timedelta(hours=1)


def test_more_turns_than_are_taken_at_once_are_found_one_batch_after_the_other(kari: Owner) -> None:
    for number in range(5):
        turn_in(session_of(kari), f"Message {number}", "", at=NOW - timedelta(hours=number))
    assert [finding.find(2).turns for _ in range(4)] == [2, 2, 1, 0]


def test_a_lesson_that_is_drawn_goes_when_its_turn_lies_behind(kari: Owner) -> None:
    turn_in(session_of(kari), "My knee hurts", at=NOW - timedelta(hours=1))
    finding.find(10)
    Lesson.objects.update(drawn=True)
    assert finding.find(10).turns == 0
    assert not Lesson.objects.exists()
    assert finding.find(10).turns == 0


def test_what_was_said_in_a_pause_stays_unknown_after_it(kari: Owner) -> None:
    profile = Profile.objects.create(owner=kari, paused=True)
    turn_in(session_of(kari), "My knee hurts", "Rest it")
    finding.find(10)
    assert Omission.objects.filter(owner=kari).count() == 2
    profile.paused = False
    profile.save()
    turn_in(session_of(kari), "Now I swim", "Fine")
    finding.find(10)
    assert remembered(kari) == {"Now I swim", "Fine"}
    assert set(finding.memorable(kari.id).values_list("text", flat=True)) == {"Now I swim", "Fine"}


@pytest.mark.parametrize(
    ("metadata", "status", "name"),
    [
        ({"temporary": True}, Status.COMPLETE, "kari"),
        ({}, Status.REFUSED, "kari"),
        ({}, Status.FAILED, "kari"),
        ({}, Status.COMPLETE, ANONYMOUS),
    ],
)
def test_what_is_not_to_be_remembered_is_not(metadata: dict[str, bool], status: Status, name: str) -> None:
    owner, _ = Owner.objects.get_or_create(external_id=name)
    turn_in(session_of(owner, **metadata), "My knee hurts", "Rest it", status=status)
    turn_in(session_of(Owner.objects.create(external_id="ola")), "I swim", "Fine")
    assert finding.find(10).turns == 2
    assert remembered(owner) == set()
    assert not finding.memorable(owner.id).exists()
    assert Profile.objects.count() == 1


def test_metadata_of_another_kind_does_not_keep_a_session_from_being_remembered(kari: Owner) -> None:
    turn_in(session_of(kari, temporary="no", topic="running"), "My knee hurts", "Rest it")
    finding.find(10)
    assert remembered(kari) == {"My knee hurts", "Rest it"}


def test_what_was_said_before_all_was_forgotten_stays_forgotten(kari: Owner) -> None:
    turn_in(session_of(kari), "My knee hurts", at=NOW - timedelta(days=2))
    Profile.objects.create(owner=kari, forgotten_at=NOW - timedelta(days=1))
    turn_in(session_of(kari), "Now I swim", "Fine", at=NOW - timedelta(hours=1))
    finding.find(10)
    assert remembered(kari) == {"Now I swim", "Fine"}


def test_a_long_session_is_reported_for_a_summary(kari: Owner) -> None:
    short, long = session_of(kari), session_of(kari)
    turn_in(short, "a" * 300, "b" * 300, manifest={"room": 1000, "history_from": 0})
    turn_in(long, "a" * 400, "b" * 400, manifest={"room": 1000, "history_from": 0})
    assert finding.find(10).sessions == (long.id,)


@pytest.fixture
def no_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored by another connection at this moment."""
    monkeypatch.setattr(finding, "SLACK", timedelta(0))


@pytest.mark.usefixtures("no_slack")
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["begin", "begin", "end", "find"]), min_size=4, max_size=30), st.randoms())
def test_whatever_the_order_each_turn_is_found_exactly_once(kari: Owner, steps: list[str], chance: Random) -> None:
    Turn.objects.all().delete()
    Watermark.objects.all().delete()
    running, found, ended = list[Turn](), 0, 0
    for step in steps:
        if step == "begin":
            running.append(turn_in(session_of(kari), "A question", status=Status.RUNNING, at=datetime.now(UTC)))
        elif step == "end" and running:
            end(running.pop(chance.randrange(len(running))))
            ended += 1
        else:
            found += finding.find(2).turns
    for turn in running:
        end(turn)
    while now := finding.find(2).turns:
        found += now
    assert found == ended + len(running)
