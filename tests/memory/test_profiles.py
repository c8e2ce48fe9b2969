"""Pause, consent, and to have things forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import transaction

from chat.models import Message, Session, Status
from identity.models import Owner
from memory import facts, finding, indexing, profiles, recall
from memory.models import Fact, Lesson, Omission, Origin, Passage, Posting, Profile, Summary, Tombstone
from problems import ConsentRequired, Invalid, MemoryPaused
from tests.memory.conversations import ENGLISH, NORWEGIAN, TALKERS, owner, remembered, told
from tests.memory.talks import fact, talk
from tests.memory.turns import session_of, turn_in

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NOW = datetime(2026, 6, 15, tzinfo=UTC)
MOST = 100


def recalled(whose: Owner, text: str) -> list[str]:
    return [one.text for one in recall.recall(whose.pk, text, NOW, 50)]


def indexed(whose: Owner) -> set[str]:
    return set(Passage.objects.filter(owner=whose).values_list("message__text", flat=True))


def texts(whose: Owner) -> set[str]:
    return set(facts.live(whose.pk).values_list("text", flat=True))


# --- Pause and consent ------------------------------------------------------------------------------------------------


def test_a_profile_is_made_once_and_asks_for_nothing() -> None:
    whose = owner("kari")
    assert [profiles.of(whose.pk).paused, profiles.of(whose.pk).health] == [False, False]
    assert Profile.objects.count() == 1


def test_in_a_pause_nothing_may_be_written_from_that_moment() -> None:
    whose = owner("kari")
    with transaction.atomic():
        profiles.writable(whose.pk, "goal")
    profiles.pause(whose.pk)
    with transaction.atomic(), pytest.raises(MemoryPaused):
        profiles.writable(whose.pk, "goal")
    profiles.resume(whose.pk)
    with transaction.atomic():
        assert not profiles.writable(whose.pk, "goal").paused


@pytest.mark.parametrize("kind", ["health", "injury"])
def test_health_needs_the_consent(kind: str) -> None:
    whose = owner("kari")
    with transaction.atomic(), pytest.raises(ConsentRequired):
        profiles.writable(whose.pk, kind)
    profiles.consent(whose.pk, health=True)
    with transaction.atomic():
        assert profiles.writable(whose.pk, kind).health


def test_what_is_said_in_a_pause_is_not_learned_when_it_ends_before_the_turn_was_found() -> None:
    whose = owner("kari")
    profiles.pause(whose.pk)
    talk(whose, ("I adopted a kitten.", "How lovely!"))
    running = talk(whose, ("I swim on Mondays.", ""), status=Status.RUNNING)
    profiles.resume(whose.pk)
    finding.find(MOST)
    assert recalled(whose, "kitten swim") == []
    assert not Lesson.objects.filter(drawn=False).exists()
    talk(whose, ("I ski on Sundays.", "Good!"))
    finding.find(MOST)
    assert indexed(whose) == {"I ski on Sundays.", "Good!"}
    assert Omission.objects.filter(message=running[0]).exists()


def test_going_on_without_a_pause_leaves_out_nothing() -> None:
    whose = owner("kari")
    talk(whose, ("I adopted a kitten.", "How lovely!"))
    profiles.resume(whose.pk)
    finding.find(MOST)
    assert "I adopted a kitten." in recalled(whose, "kitten")


def test_to_withdraw_consent_deletes_what_needed_it_and_opens_what_that_had_closed() -> None:
    whose, other = owner("kari"), owner("ola")
    for one in (whose, other):
        profiles.consent(one.pk, health=True)
        fact(one, "Has asthma.", kind="health")
        injury = fact(one, "Hurt a knee.", kind="injury", slot="body:knee")
        fact(one, "Has strong knees.", slot="body:knee", valid_to=date(2026, 5, 20), superseded_by=injury)
        fact(one, "Likes tea.", kind="preference")
    profiles.consent(whose.pk, health=False)
    assert texts(whose) == {"Has strong knees.", "Likes tea."}
    assert Fact.objects.filter(owner=other).count() == 4
    assert not Tombstone.objects.exists()


def test_withdrawn_consent_takes_along_what_other_facts_tell_of_health() -> None:
    whose = owner("kari")
    profiles.consent(whose.id, True)
    session = session_of(whose)
    for said in ("I want to run a marathon although I have asthma.", "I want to run a 10k."):
        message = turn_in(session, said).user_message
        kept = facts.Candidate("goal", "", said, said, message.id, Origin.EXTRACTED, 0.9, date(2026, 5, 1))
        assert facts.keep(whose.id, [kept])
    facts.keep(
        whose.id, [facts.Candidate("goal", "", "Live well with asthma.", "", None, Origin.USER, 1, date(2026, 5, 1))]
    )
    profiles.consent(whose.id, False)
    assert set(Fact.objects.values_list("text", flat=True)) == {"I want to run a 10k.", "Live well with asthma."}


# --- Topics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "gone", "stays"),
    [
        ("kitten", "kitten", "peanuts"),
        ("Kittens!", "kitten", "knee"),
        ("pets", "kitten", "peanuts"),
        ("my knee", "left knee", "kitten"),
        ("half marathons", "half marathon", "knee"),
        ("the sister's marathon", "", "half marathon"),
    ],
)
def test_a_topic_is_forgotten_by_its_stems_and_kinds(topic: str, gone: str, stays: str) -> None:
    whose = remembered("kari", ENGLISH)
    before = indexed(whose)
    about = {text for text in before if gone and gone in text}
    assert profiles.forget_topic(whose, topic).messages == len(about)
    assert before - indexed(whose) == about
    assert any(stays in text for text in recalled(whose, stays))
    assert about.isdisjoint(recalled(whose, f"{topic} {gone}"))
    assert set(Omission.objects.values_list("message__text", flat=True)) == about


def test_norwegian_topics_are_stemmed_as_the_index_is() -> None:
    whose = remembered("ola", NORWEGIAN, "nb-NO")
    assert profiles.forget_topic(whose, "bakker").messages == 1
    assert not any("bakkene" in text for text in recalled(whose, "bakkene Birken"))
    assert any("skulder" in text for text in recalled(whose, "skulder"))


@pytest.mark.parametrize("topic", ["", "the of", "!?", "   "])
def test_a_topic_without_a_telling_word_is_refused_and_nothing_is_forgotten(topic: str) -> None:
    whose = remembered("kari", ENGLISH)
    with pytest.raises(Invalid) as refused:
        profiles.forget_topic(whose, topic)
    assert "topic" in refused.value.fields
    assert Passage.objects.filter(owner=whose).count() == Message.objects.count()


@pytest.mark.parametrize(
    ("topic", "left"),
    [
        ("knees", {"Runs a marathon in Bergen.", "Best 10 km: 48:12.", "Has a kitten, Nala.", "Has asthma."}),
        ("injuries", {"Runs a marathon in Bergen.", "Best 10 km: 48:12.", "Has a kitten, Nala.", "Has asthma."}),
        ("health", {"Runs a marathon in Bergen.", "Best 10 km: 48:12.", "Has a kitten, Nala."}),
        ("pets", {"Runs a marathon in Bergen.", "Best 10 km: 48:12.", "Hurt the left knee.", "Has asthma."}),
        ("10k", {"Runs a marathon in Bergen.", "Has a kitten, Nala.", "Hurt the left knee.", "Has asthma."}),
        ("goal", {"Best 10 km: 48:12.", "Has a kitten, Nala.", "Hurt the left knee.", "Has asthma."}),
        ("Bergen knee", None),
    ],
)
def test_facts_are_forgotten_by_text_slot_and_kind(topic: str, left: set[str] | None) -> None:
    whose, other = owner("kari"), owner("ola")
    for one in (whose, other):
        fact(one, "Hurt the left knee.", kind="injury")
        fact(one, "Has asthma.", kind="health")
        fact(one, "Runs a marathon in Bergen.", kind="goal")
        fact(one, "Best 10 km: 48:12.", kind="record", slot="record:10k")
        fact(one, "Has a kitten, Nala.")
    forgotten = profiles.forget_topic(whose, topic)
    everything = texts(other)
    assert len(everything) == 5
    assert texts(whose) == (everything if left is None else left)
    assert forgotten.facts == 5 - len(texts(whose)) == Tombstone.objects.filter(owner=whose).count()


def test_a_fact_that_is_forgotten_takes_what_it_was_drawn_from_along() -> None:
    whose = owner("kari")
    said = talk(whose, ("I carry an inhaler for my asthma.", "Thanks for telling me."))
    finding.find(MOST)
    fact(whose, "Has asthma.", said[0], kind="health")
    assert profiles.forget_topic(whose, "health") == profiles.Forgotten(1, 1)
    assert recalled(whose, "inhaler asthma") == []
    assert Message.objects.filter(id=said[0].id).exists()


def test_closed_facts_of_a_topic_are_forgotten_too() -> None:
    whose = owner("kari")
    now = fact(whose, "Trains on Mondays.", slot="schedule:training")
    fact(whose, "Swims on Sundays.", slot="schedule:training", valid_to=date(2026, 5, 20), superseded_by=now)
    assert profiles.forget_topic(whose, "swim").facts == 1
    assert set(Fact.objects.values_list("text", flat=True)) == {"Trains on Mondays."}


def test_what_was_said_a_moment_ago_is_forgotten_before_it_is_found() -> None:
    whose = owner("kari")
    talk(whose, ("We adopted a kitten.", "How lovely!"), ("I like tea.", "Me too."))
    talk(whose, ("The kitten sleeps.", ""), status=Status.RUNNING)
    assert profiles.forget_topic(whose, "kitten").messages == 2
    finding.find(MOST)
    assert indexed(whose) == {"How lovely!", "I like tea.", "Me too."}


def test_what_was_forgotten_stays_so_when_the_index_is_made_anew_and_when_asked_twice() -> None:
    whose = owner("kari")
    said = talk(whose, ("We adopted a kitten.", "How lovely!"))
    finding.find(MOST)
    assert profiles.forget_topic(whose, "kitten").messages == 1
    assert profiles.forget_topic(whose, "kitten").messages == 0
    assert said[0] not in finding.memorable(whose.pk)
    assert not Posting.objects.filter(owner=whose, term="kitten").exists()


def test_no_one_elses_memory_is_touched() -> None:
    kari, ola = remembered("kari", ENGLISH), remembered("ola", ENGLISH)
    fact(ola, "Has a kitten.")
    before = recalled(ola, "kitten knee")
    profiles.forget_topic(kari, "kitten")
    profiles.forget_all(kari)
    assert recalled(ola, "kitten knee") == before
    assert texts(ola) == {"Has a kitten."}


# --- Everything -------------------------------------------------------------------------------------------------------


def test_all_that_was_learned_is_forgotten_and_sessions_stay() -> None:
    whose = owner("kari")
    said = talk(whose, ("We adopted a kitten.", "How lovely!"))
    finding.find(MOST)
    now = fact(whose, "Has a kitten.", said[0], slot="pet:kitten")
    fact(whose, "Wants a kitten.", slot="pet:kitten", valid_to=date(2026, 5, 1), superseded_by=now)
    Summary.objects.create(session=said[0].session, owner=whose, message=said[1], chars=3, text="A kitten.", brain="x")
    Tombstone.objects.create(owner=whose, kind="other", digest="0" * 64)
    Omission.objects.create(owner=whose, message=said[1])
    profiles.consent(whose.pk, health=True)
    forgotten = profiles.forget_all(whose)
    assert (forgotten.facts, forgotten.messages) == (2, 2)
    for table in (Fact, Summary, Tombstone, Omission, Passage, Posting):
        assert not table.objects.filter(owner=whose).exists(), table
    assert (Session.objects.count(), Message.objects.count()) == (1, 2)
    profile = profiles.of(whose.pk)
    assert profile.health
    assert profile.forgotten_at is not None
    finding.find(MOST)
    assert recalled(whose, "kitten") == []
    assert not Lesson.objects.filter(drawn=False).exists()


def test_a_turn_that_was_not_found_yet_or_runs_is_forgotten_with_all_and_the_next_is_learned_from() -> None:
    whose = owner("kari")
    talk(whose, ("We adopted a kitten.", "How lovely!"))
    talk(whose, ("The kitten sleeps.", ""), status=Status.RUNNING)
    profiles.forget_all(whose)
    finding.find(MOST)
    assert recalled(whose, "kitten") == []
    assert not Lesson.objects.filter(drawn=False).exists()
    talk(whose, ("I have a kitten again.", "Oh!"), at=f"{datetime.now(UTC).date().replace(year=2030)}")
    finding.find(MOST)
    assert indexed(whose) == {"I have a kitten again.", "Oh!"}


def test_an_index_without_turns_is_forgotten_whole() -> None:
    whose = remembered("kari", ENGLISH)
    assert profiles.forget_all(whose).messages == Message.objects.count()
    indexing.index(whose.pk, told(whose, ENGLISH), "en", TALKERS)
    assert recalled(whose, "kitten")
