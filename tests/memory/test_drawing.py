"""Facts are drawn in the background: what of a brain's answer is kept, and that nothing is drawn twice or lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import jsonschema  # type: ignore[import-untyped]
import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st

from brains.errors import BrainUnavailable, ContextTooLong
from brains.router import Router
from brains.types import Answering, BrainEvent, Prompt, Stop, TextDelta, Usage
from chat.models import Message, Role
from identity.models import Budget, Owner, Spending
from identity.quotas import subject
from memory import drawing, facts, finding, telling
from memory.models import Fact, Lesson, Profile, Watermark
from tests.brains.thinking import KEYED, Build, prompt, said_by
from tests.memory.turns import session_of, turn_in
from tests.vendor import Vendor

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

SAID = "Hi! I don’t eat meat. My 10k record is 45:10."


class Brain:
    """Stands where the router does, and answers the same whatever it is asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.prompts: list[Prompt] = []

    async def think(self, alias: str, prompt: Prompt, hear: Callable[[Answering | BrainEvent], bool | None]) -> None:
        self.prompts.append(prompt)
        if isinstance(self.answer, Exception):
            raise self.answer
        text = self.answer if isinstance(self.answer, str) else json.dumps({"facts": self.answer})
        hear(Answering(alias, "model", False))
        for start in range(0, len(text), 7):
            if hear(TextDelta(text[start : start + 7])):
                return
        hear(Usage(900, 100))
        hear(Stop("complete"))


def one(**changes: Any) -> dict[str, Any]:
    """A fact as a brain tells it; right, but for the changes."""
    right = {
        "kind": "record",
        "slot": "record:10k",
        "text": "Runs 10 km in 45:10.",
        "quote": "my 10k record is 45:10",
        "message": 0,
        "confidence": 0.9,
        "date": None,
    }
    return {**right, **changes}


def drawn(owner: Owner, brain: Brain, alias: str = "claude") -> int:
    work = cast(Callable[..., Coroutine[Any, Any, int]], drawing.draw)
    return int(async_to_sync(work)(owner.id, cast(Router, brain), alias))


@pytest.fixture
def kari() -> Owner:
    """Has said something, which was found."""
    owner = Owner.objects.create(external_id="kari")
    Profile.objects.create(owner=owner, health=True)
    turn_in(session_of(owner), SAID, "Your record is 38:00, surely.")
    finding.find(10)
    return owner


def texts(owner: Owner) -> list[str]:
    return [fact.text for fact in facts.live(owner.id)]


def test_a_brain_is_asked_by_a_schema_and_its_fact_is_kept_with_the_users_words(kari: Owner) -> None:
    brain = Brain([one()])
    assert drawn(kari, brain) == 1
    fact = Fact.objects.get()
    assert (fact.text, fact.slot, fact.quote) == ("Runs 10 km in 45:10.", "record:10k", "My 10k record is 45:10")
    assert fact.message is not None
    assert fact.message.text == SAID
    (prompt,) = brain.prompts
    assert prompt.schema == drawing.SCHEMA
    assert json.loads(prompt.lines[0].text)["messages"][0]["text"] == SAID


def test_what_drawing_takes_is_counted_in_the_budgets_that_hold_and_is_not_refused(kari: Owner) -> None:
    Budget.objects.create(tokens=10)
    assert drawn(kari, Brain([one()])) == 1
    assert [(each.subject, each.tokens) for each in Spending.objects.all()] == [(subject("", "kari"), 1000)]


@pytest.mark.parametrize("build", KEYED.values(), ids=KEYED)
def test_each_vendor_takes_the_schema_that_facts_are_asked_by(build: Build, vendor: Vendor) -> None:
    told = {"facts": [one()]}
    jsonschema.validate(told, drawing.SCHEMA)
    vendor.next(answer=told)
    heard = said_by(build(vendor), replace(prompt("My 10k record is 45:10"), schema=drawing.SCHEMA))
    assert json.loads(heard.text) == told


def test_nothing_is_drawn_twice(kari: Owner) -> None:
    brain = Brain([one()])
    drawn(kari, brain)
    assert drawn(kari, brain) == 0
    assert len(brain.prompts) == 1
    Lesson.objects.update(drawn=False)
    assert drawn(kari, brain) == 0
    assert Fact.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"quote": "my marathon record is 2:59"},
        {"quote": "Your record is 38:00", "message": 1},
        {"quote": "Your record is 38:00"},
        {"message": 7},
        {"message": "0"},
        {"kind": "password"},
        {"confidence": 0.2},
        {"quote": ""},
        {"quote": "!"},
    ],
)
def test_what_the_user_did_not_say_is_no_fact(kari: Owner, wrong: dict[str, Any]) -> None:
    assert drawn(kari, Brain([one(**wrong)])) == 0
    assert not Lesson.objects.filter(drawn=False).exists()


def test_a_number_or_a_not_that_was_not_said_gives_way_to_the_users_sentence(kari: Owner) -> None:
    diet = {"kind": "preference", "slot": "preference:meat", "quote": "I don't eat meat"}
    drawn(kari, Brain([one(text="Runs 10 km in 43:10."), one(**diet, text="Eats meat.")]))
    assert sorted(texts(kari)) == ["I don’t eat meat.", "My 10k record is 45:10."]


@pytest.mark.parametrize(
    "answer", ["", "I'd rather not.", "[]", '{"facts": 5}', '{"facts": [5]}', '{"facts": [{}]}', "{"]
)
def test_an_answer_of_another_form_draws_nothing_and_is_not_asked_for_again(kari: Owner, answer: str) -> None:
    brain = Brain(answer)
    assert drawn(kari, brain) == drawn(kari, brain) == 0
    assert len(brain.prompts) == 1


def test_a_goal_whose_words_give_way_to_the_users_gets_no_month_that_has_passed() -> None:
    said = "I want to run a marathon in October."
    goal = one(kind="goal", slot="goal:marathon", text="Wants 3 marathons.", quote=said)
    heard = [drawing.Heard(UUID(int=1), "user", said, date(2026, 11, 23))]
    (fact,) = drawing.answered(json.dumps({"facts": [goal]}), heard)
    assert fact.text == said


@pytest.mark.parametrize(
    "broken", ["[" * 30_000, '{"facts":' * 9_000, '{"facts": [{"confidence": 1' + "0" * 400 + "}]}"]
)
def test_an_answer_that_cannot_be_read_is_survived(kari: Owner, broken: str) -> None:
    assert drawn(kari, Brain(broken)) == 0
    assert not Lesson.objects.filter(drawn=False).exists()


def test_a_confidence_beyond_all_numbers_is_none(kari: Owner) -> None:
    assert drawn(kari, Brain([one(confidence=10**400)])) == 0
    assert not Lesson.objects.filter(drawn=False).exists()


def test_what_is_no_text_is_not_kept_in_a_fact(kari: Owner) -> None:
    assert drawn(kari, Brain([one(text="Runs 10 km\n\x00 in 45:10 \ud83d")])) == 1
    assert texts(kari) == ["Runs 10 km in 45:10"]


def test_what_is_replied_comes_second_also_where_a_clock_went_back(kari: Owner) -> None:
    reply = Message.objects.get(role=Role.ASSISTANT)
    Message.objects.filter(id=reply.id).update(created_at=reply.created_at - timedelta(seconds=1))
    brain = Brain([one()])
    assert drawn(kari, brain) == 1
    told = json.loads(brain.prompts[0].lines[0].text)["messages"]
    assert [message["role"] for message in told] == ["user", "assistant"]


def test_what_is_known_is_told_within_bounds_the_newest_first(kari: Owner) -> None:
    for number in range(60):
        known = facts.Candidate(
            "other", "", f"{number} " + "word " * 90, "", None, "user", 1.0, date(2026, 1, 1) + timedelta(number)
        )
        facts.keep(kari.id, [known])
    turn_in(session_of(kari), "\x01" * 9_000 + '"' * 3_000, '"' * 9_000)
    finding.find(10)
    brain = Brain([])
    drawn(kari, brain)
    assert max(len(prompt.lines[0].text) for prompt in brain.prompts) <= drawing.MOST_CHARS + 6_000
    known_texts = [fact["text"] for fact in json.loads(brain.prompts[0].lines[0].text)["known"]]
    assert 10 < len(known_texts) < 60
    assert known_texts[0].startswith("59 ")


def test_a_brain_that_fails_is_asked_again_later(kari: Owner) -> None:
    with pytest.raises(BrainUnavailable):
        drawn(kari, Brain(BrainUnavailable()))
    assert Lesson.objects.filter(drawn=False).count() == 1
    assert drawn(kari, Brain([one()])) == 1


def test_a_batch_that_is_too_long_for_a_brain_is_not_tried_for_ever(kari: Owner) -> None:
    assert drawn(kari, Brain(ContextTooLong())) == 0
    assert not Lesson.objects.filter(drawn=False).exists()


def test_a_long_day_is_drawn_in_batches_of_bounded_size(kari: Owner) -> None:
    for number in range(12):
        turn_in(session_of(kari), f"I like hill {number}. ".ljust(9_000, "x"), "y" * 9_000)
    finding.find(50)
    brain = Brain([])
    drawn(kari, brain)
    assert 5 <= len(brain.prompts) <= 13
    assert max(len(prompt.lines[0].text) for prompt in brain.prompts) < drawing.MOST_CHARS


def test_a_known_fact_is_told_so_that_its_slot_is_used_again(kari: Owner) -> None:
    drawn(kari, Brain([one()]))
    turn_in(session_of(kari), "I ran 10 km in 43:20!")
    finding.find(10)
    later = {"text": "Runs 10 km in 43:20.", "quote": "I ran 10 km in 43:20"}
    brain = Brain([one(**later)])
    drawn(kari, brain)
    assert json.loads(brain.prompts[0].lines[0].text)["known"] == [
        {"slot": "record:10k", "text": "Runs 10 km in 45:10."}
    ]
    assert texts(kari) == ["Runs 10 km in 43:20."]
    assert Fact.objects.count() == 2


def test_a_brain_without_schemas_leaves_it_to_rules(kari: Owner) -> None:
    brain = Brain([one()])
    assert drawn(kari, brain, "config") == 2
    assert brain.prompts == []
    assert sorted(texts(kari)) == ["I don't eat meat.", "My 10k record is 45:10."]


CHANGES = [
    ("record:10k", "My best 10k so far is 52:30.", "I finally broke 50: 10k in 49:12!"),
    ("record:bench-press", "I can bench 60 kg for one rep.", "Benched 75 kg, felt easy enough."),
    ("record:squat", "My squat is stuck at 90 kg.", "I squatted 110 kg with good form!"),
    ("record:pull-ups", "I can't do a single pull-up.", "Five pull-ups in a row!"),
    ("record:half-marathon", "My half marathon PB is 1:55:00.", "I ran the half marathon in 1:47."),
    ("health:weight", "I weigh 92 kilos at the moment.", "I'm down to 84.5 kg now."),
    ("health:diabetes", "I have type 2 diabetes.", "I no longer have diabetes."),
    ("health:smoking", "I smoke ten cigarettes a day.", "I quit smoking in the end."),
    ("injury:knee", "My knee hurts when I go downstairs.", "The knee is completely fine again."),
    ("injury:back", "Jeg har vondt i korsryggen.", "Ryggen er helt fin nå."),
    ("schedule:training", "I train on Mondays and Wednesdays.", "From now on I can only train on Saturdays."),
    ("schedule:work", "I have a desk job, nine to five.", "I'm on night shifts these days."),
    ("preference:swimming", "I hate swimming.", "I have come to love swimming, of all things."),
    ("preference:time", "Mornings suit me best for workouts.", "I'd rather work out in the evening these days."),
    ("preference:diet", "I eat everything.", "I've become a vegetarian."),
    ("preference:meat", "Jeg spiser kjøtt.", "Jeg har sluttet å spise kjøtt."),
    ("other:home", "I live in Oslo, close to the river.", "We have moved to Bergen now, so it's hills all day."),
    ("other:job", "I work as a nurse on a ward.", "I quit the hospital, I'm a teacher now."),
    ("other:sleep", "I sleep about five hours a night.", "I'm up to seven and a half hours of sleep."),
    ("person:partner", "I'm single, so evenings are free.", "My girlfriend Mia joins me for runs now."),
    ("person:daughter", "Datteren min er fem år.", "Datteren min fylte seks."),
    ("goal:marathon", "I want to run a marathon in October.", "I'm no longer running the marathon, my plans changed."),
]


def test_what_changes_is_told_in_other_words_and_lands_in_its_slot_the_old_behind_it() -> None:
    owner = Owner.objects.create(external_id="ola")
    Profile.objects.create(owner=owner, health=True)
    months = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC)
    for which, day in enumerate(months):
        session = session_of(owner)
        for number, change in enumerate(CHANGES):
            turn_in(session, change[1 + which], at=day + timedelta(minutes=number))
        finding.find(100)
        drawn(owner, Brain([]), "config")
        Watermark.objects.update(at=finding.FIRST)  # as if these months had been months
    live = {fact.slot: fact.text for fact in facts.live(owner.id)}
    assert {slot: live.get(slot) for slot, _, _ in CHANGES} == {slot: new for slot, _, new in CHANGES}
    for slot, old, _ in CHANGES:
        closed = Fact.objects.get(slot=slot, valid_to__isnull=False)
        assert closed.text == old
        assert closed.superseded_by is not None
        assert closed.superseded_by.text == live[slot]
    told = telling.told(Fact.objects.filter(owner=owner))
    assert "before, until 2026-05-04" in told


ANY = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(["facts", "kind", "message", "quote"])


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=12))
def test_whatever_a_brain_answers_is_survived(answer: Any) -> None:
    assert drawing.answered(json.dumps(answer), []) == []
