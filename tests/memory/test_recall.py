"""What is found again, in what order, and that nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import changes
from chat.models import Message, Role, Session
from identity.models import Owner
from memory import indexing, recall, topics
from memory.models import Census, Episode, Passage, Posting
from tests.memory.conversations import ENGLISH, NORWEGIAN, TALKERS, owner, remembered, told

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NOW = datetime(2026, 6, 15, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


def found(whose: Owner, text: str, most: int = 5) -> list[str]:
    return [one.text for one in recall.recall(whose.id, text, NOW, most)]


def rows(whose: Owner) -> int:
    return sum(table.objects.filter(owner=whose).count() for table in (Census, Episode, Passage, Posting))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Which knee was injured?", "left knee"),
        ("What race am I running in Bergen?", "in Bergen"),
        ("Who is my sibling?", "My sister Ingrid"),
        ("What pets do I have?", "kitten"),
        ("Do I have an allergy to peanuts?", "can't eat peanuts"),
        ("How long is my commute to the office?", "45 minutes"),
        ("What did you suggest for breakfast?", "oatmeal"),
        ("How often should I jog?", "twice a week"),
    ],
)
def test_what_was_said_is_found_among_the_first(query: str, said: str) -> None:
    assert any(said in text for text in found(remembered("kari", ENGLISH), query, 3))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Hvilken skulder er skadet?", "høyre skulder"),
        ("Hvor gammel er datteren?", "fyller fem år"),
        ("Har jeg søsken?", "broren min"),
        ("Hvor ofte skal jeg ha motbakkeintervaller?", "motbakkeintervaller"),
    ],
)
def test_norwegian_is_found_by_its_own_stems(query: str, said: str) -> None:
    assert any(said in text for text in found(remembered("ola", NORWEGIAN, "nb-NO"), query, 3))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("What did I do on 13 April 2026?", "I signed up"),
        ("What happened in April?", "I signed up"),
        ("What did we talk about last week?", "My boss Peter"),
        ("What did we say on 2026-05-20?", "peanuts"),
        ("What is in September 2026?", "On 20 September 2026"),
    ],
)
def test_a_date_finds_what_was_said_then_or_of_it(query: str, said: str) -> None:
    assert any(said in text for text in found(remembered("kari", ENGLISH), query, 4))


def test_both_roles_are_found_and_told_apart() -> None:
    whose = remembered("kari", ENGLISH)
    items = recall.recall(whose.id, "a long run every Sunday before the half marathon", NOW)
    said = {(one.role, one.text) for one in items[:4]}
    assert (Role.USER, ENGLISH["2026-04-14"][0]) in said
    assert (Role.ASSISTANT, ENGLISH["2026-04-14"][3]) in said


def test_what_is_recalled_is_the_stored_message_best_first() -> None:
    whose = remembered("kari", ENGLISH)
    items = recall.recall(whose.id, "kitten Nala", NOW)
    best = Message.objects.get(id=items[0].message)
    assert (best.session_id, best.role, best.text, best.created_at) == (
        items[0].session,
        items[0].role,
        items[0].text,
        items[0].at,
    )
    assert [one.score for one in items] == sorted((one.score for one in items), reverse=True)


def test_nothing_is_recalled_for_what_was_never_said() -> None:
    whose = remembered("kari", ENGLISH)
    assert found(whose, "quantum chromodynamics") == []
    assert found(whose, "") == []
    assert found(whose, "what is the") == []


def test_no_one_elses_words_are_found() -> None:
    kari, ola = remembered("kari", ENGLISH), remembered("ola", NORWEGIAN, "nb")
    everything = " ".join(text for texts in (*ENGLISH.values(), *NORWEGIAN.values()) for text in texts)
    for whose in (kari, ola):
        own = set(Message.objects.filter(owner=whose).values_list("text", flat=True))
        assert found(whose, everything, 50)
        assert set(found(whose, everything, 50)) <= own
    assert found(owner("nobody"), everything) == []


def test_of_a_session_what_its_prompt_holds_is_left_out() -> None:
    whose = remembered("kari", ENGLISH)
    kitten = Message.objects.get(text__contains="kitten")

    def without(offset: int) -> list[str]:
        items = recall.recall(whose.id, "peanuts and the kitten Nala", NOW, session=kitten.session_id, offset=offset)
        return [one.text for one in items]

    assert kitten.text in without(kitten.offset + 1)
    assert kitten.text not in without(kitten.offset)
    assert ENGLISH["2026-05-20"][0] in without(kitten.offset)
    assert not set(ENGLISH["2026-05-20"]) & set(without(0))


def test_a_session_that_is_left_out_takes_no_room() -> None:
    days = {f"2026-05-{day:02}": (f"I had tea number {day}.",) for day in range(1, 5)}
    whose = remembered("kari", {**days, "2026-06-01": tuple(f"Tea, tea and more tea {word}." for word in "abcdefghij")})
    apart = Session.objects.get(messages__text__startswith="Tea", messages__depth=0)
    items = recall.recall(whose.id, "How is the tea?", NOW, 3, session=apart.id)
    assert len(items) == 3
    assert all(one.session != apart.id for one in items)


def test_the_same_words_are_recalled_once() -> None:
    whose = remembered("kari", {"2026-05-01": ("I love tea.",), "2026-05-02": ("I LOVE tea!",)})
    assert len(found(whose, "tea")) == 1


def test_a_message_is_taken_in_once() -> None:
    whose = owner("kari")
    said = told(whose, ENGLISH)
    assert indexing.index(whose.id, [*said, said[0]], "en", TALKERS) == len(said)
    before = list(Posting.objects.filter(owner=whose).order_by("term").values_list("term", "hits"))
    assert indexing.index(whose.id, said, "en", TALKERS) == 0
    assert list(Posting.objects.filter(owner=whose).order_by("term").values_list("term", "hits")) == before
    assert Census.objects.get(owner=whose).messages == len(said)


def test_one_by_one_is_the_same_as_at_once() -> None:
    whose, other = owner("kari"), remembered("other", ENGLISH)
    for one in told(whose, ENGLISH):
        indexing.index(whose.id, [one], "en", TALKERS)
    query = "running after my knee injury"
    assert found(whose, query) == found(other, query)


def test_a_message_that_is_not_stored_or_not_theirs_is_left_out() -> None:
    kari, ola = owner("kari"), owner("ola")
    said = told(kari, ENGLISH)
    assert indexing.index(ola.id, said, "en", TALKERS) == 0
    Message.objects.filter(id=said[-1].message).delete()
    assert indexing.index(kari.id, said, "en", TALKERS) == len(said) - 1


def test_a_deleted_message_leaves_no_trace() -> None:
    whose = remembered("kari", ENGLISH)
    message = Message.objects.get(text__contains="kitten")
    changes.delete_message(message)
    assert found(whose, "kitten Nala") == []
    assert not Posting.objects.filter(owner=whose, term="kitten").exists()
    assert not any(hit >> 7 == (3 << 18 | 2) for hits in Posting.objects.values_list("hits", flat=True) for hit in hits)
    census = Census.objects.get(owner=whose)
    assert census.messages == Passage.objects.filter(owner=whose).count() == Message.objects.count()
    assert census.words == sum(Passage.objects.filter(owner=whose).values_list("length", flat=True))


def test_sessions_leave_nothing_but_empty_counts() -> None:
    whose = remembered("kari", ENGLISH)
    for session in Session.objects.filter(owner=whose):
        changes.delete(session)
    assert rows(whose) == 1
    census = Census.objects.get(owner=whose)
    assert (census.messages, census.words) == (0, 0)
    assert found(whose, "kitten Nala knee") == []


def test_an_owner_is_forgotten_as_a_whole() -> None:
    whose, other = remembered("kari", ENGLISH), remembered("other", ENGLISH)
    there = rows(other)
    indexing.forget(whose.id)
    assert (rows(whose), rows(other)) == (0, there)
    assert found(whose, "kitten") == []
    indexing.index(whose.id, told(whose, ENGLISH), "en", TALKERS)
    assert found(whose, "kitten")


def test_an_owner_that_is_deleted_takes_the_index_along() -> None:
    whose = remembered("kari", ENGLISH)
    Session.objects.filter(owner=whose).update(head=None)
    whose.delete()
    assert not any(table.objects.exists() for table in (Census, Episode, Passage, Posting))


def test_a_raw_delete_cascades_too() -> None:
    whose = remembered("kari", {"2026-05-01": ("I love tea.",)})
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM chat_message")
        cursor.execute("DELETE FROM chat_session")
    assert rows(whose) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT, query=ANY_TEXT, language=st.sampled_from(["", "en", "nb-NO", "de", "ja", "x"]))
def test_any_text_is_indexed_and_any_text_is_asked(text: str, query: str, language: str) -> None:
    whose = Owner.objects.create(external_id=f"of {Owner.objects.count()}", language=language)
    assert indexing.index(whose.id, told(whose, {"2026-05-01": (text or "…", query or "…")}), language, TALKERS) == 2
    assert {one.text for one in recall.recall(whose.id, query, NOW)} <= {text or "…", query or "…"}


@pytest.mark.parametrize("word", ["record", "session", "length", "screen", "club", "hold"])
def test_a_kind_that_only_helps_to_find_is_no_topic(word: str) -> None:
    terms = {term for aspect in topics.topic_of(word, "english_stem").aspects for term in aspect.terms}
    assert not any(term.startswith("#of-") for term in terms)
