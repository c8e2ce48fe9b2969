"""Where facts go, what they had closed is there again, whoever deletes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import changes
from identity.models import Owner
from memory.models import Fact
from tests.memory.conversations import owner
from tests.memory.talks import fact, talk

pytestmark = [pytest.mark.database, pytest.mark.django_db]

CLOSED: dict[str, Any] = {"valid_to": date(2026, 5, 21)}
FIRST = date(2026, 1, 1)


def live(whose: Owner) -> list[str]:
    return sorted(Fact.objects.filter(owner=whose, valid_to=None).values_list("text", flat=True))


def test_what_a_chain_had_closed_is_open_again_when_two_of_it_go_at_once() -> None:
    whose = owner("kari")
    newest = fact(whose, "newest", slot="s")
    middle = fact(whose, "middle", slot="s", superseded_by=newest, **CLOSED)
    oldest = fact(whose, "oldest", slot="s", superseded_by=middle, **CLOSED)
    Fact.objects.filter(id__in=[newest.id, middle.id]).delete()
    oldest.refresh_from_db()
    assert (oldest.superseded_by_id, oldest.valid_to) == (None, None)


def test_what_goes_from_the_middle_leaves_the_chain_closed() -> None:
    whose = owner("kari")
    newest = fact(whose, "newest", slot="s")
    middle = fact(whose, "middle", slot="s", superseded_by=newest, valid_to=date(2026, 5, 22))
    oldest = fact(whose, "oldest", slot="s", superseded_by=middle, **CLOSED)
    middle.delete()
    oldest.refresh_from_db()
    assert (oldest.superseded_by_id, oldest.valid_to) == (newest.id, date(2026, 5, 22))


def test_of_two_that_one_had_closed_the_newer_is_live_and_closes_the_other() -> None:
    whose = owner("kari")
    said = talk(whose, ("Now it is this.", "I see."))
    now = fact(whose, "now", said[0], slot="s")
    old = fact(whose, "old", slot="s", superseded_by=now, valid_from=date(2026, 5, 1), **CLOSED)
    newer = fact(whose, "newer", slot="s", superseded_by=now, valid_from=date(2026, 5, 2), **CLOSED)
    changes.delete_message(said[0])
    old.refresh_from_db()
    assert live(whose) == ["newer"]
    assert (old.superseded_by_id, old.valid_to) == (newer.id, CLOSED["valid_to"])


def test_a_slot_that_is_taken_meanwhile_stays_so() -> None:
    whose = owner("kari")
    said = talk(whose, ("Now it is this.", "I see."))
    moved = fact(whose, "moved", said[0], slot="other")
    before = fact(whose, "before", slot="s", superseded_by=moved, **CLOSED)
    now = fact(whose, "now", slot="s")
    changes.delete(said[0].session)
    before.refresh_from_db()
    assert live(whose) == ["now"]
    assert before.superseded_by_id == now.id


def test_facts_without_a_slot_are_all_open_again() -> None:
    whose = owner("kari")
    one = fact(whose, "one")
    fact(whose, "two", superseded_by=one, **CLOSED)
    fact(whose, "three", superseded_by=one, **CLOSED)
    one.delete()
    assert live(whose) == ["three", "two"]


def test_what_ended_by_itself_hands_its_end_down() -> None:
    whose = owner("kari")
    ended = fact(whose, "ended", slot="s", **CLOSED)
    before = fact(whose, "before", slot="s", superseded_by=ended, valid_to=date(2026, 5, 1))
    ended.delete()
    before.refresh_from_db()
    assert (before.superseded_by_id, before.valid_to) == (None, CLOSED["valid_to"])


def check(whose: Owner) -> None:
    rows = {row.id: row for row in Fact.objects.filter(owner=whose)}
    for row in rows.values():
        assert row.superseded_by_id is None or row.superseded_by_id in rows
        assert (row.superseded_by_id is None) == (row.valid_to is None)
    slots = [row.slot for row in rows.values() if row.valid_to is None and row.slot]
    assert len(slots) == len(set(slots))
    assert set(slots) == {row.slot for row in rows.values() if row.slot}


CLOSERS = st.lists(st.integers(1, 6), min_size=2, max_size=9)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(closers=CLOSERS, goes=st.lists(st.sets(st.integers(0, 8), min_size=1), min_size=1, max_size=3))
def test_whatever_goes_no_fact_is_lost_or_closed_by_nothing(closers: Sequence[int], goes: Sequence[set[int]]) -> None:
    """Fact n is closed by the one `closers[n]` places after it, and the last one is live."""
    whose = Owner.objects.create(external_id=f"of {Owner.objects.count()}")
    made = [
        fact(whose, str(n), slot="s", valid_from=FIRST + timedelta(n), valid_to=FIRST + timedelta(n + 1))
        for n in range(len(closers))
    ]
    Fact.objects.filter(id=made[-1].id).update(valid_to=None)
    for n, steps in enumerate(closers[:-1]):
        Fact.objects.filter(id=made[n].id).update(superseded_by=made[min(n + steps, len(made) - 1)])
    check(whose)
    for some in goes:
        Fact.objects.filter(id__in=[made[n].id for n in some if n < len(made)]).delete()
        check(whose)
