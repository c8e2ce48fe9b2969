"""Which personas there are, in a fixed number of queries; and how they get there."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from personas import catalog, seed, versions
from personas.content import PersonaContent
from personas.models import Persona

COACHES = ["fitness_coach", "calm_coach", "drill_sergeant", "personal_trainer"]

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def test_the_seed_makes_all_once() -> None:
    assert sorted(seed.seed()) == sorted([*COACHES, "default"])
    assert seed.seed() == []


def test_the_seed_leaves_edits_and_deletions_alone_and_brings_the_default_back() -> None:
    seed.seed()
    edited = versions.save("calm_coach", PersonaContent(name="Mine", description="Mine.", instructions="Mine."), "me")
    Persona.objects.filter(id__in=["drill_sergeant", "default"]).delete()
    assert seed.seed() == ["default"]
    assert Persona.objects.get(id="calm_coach").current_id == edited.id


def test_one_query_each_whatever_their_number(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    seed.seed()
    with django_assert_num_queries(1):
        cards = catalog.published()
    assert [card.id for card in cards] == COACHES
    with django_assert_num_queries(1):
        assert catalog.names() == [*COACHES, "default"]
    with django_assert_num_queries(1):
        card = catalog.card("calm_coach")
    assert card is not None
    assert card.tone == "gentle"


def test_without_the_fitness_coach_the_default_speaks() -> None:
    seed.seed()
    assert catalog.default_name() == "fitness_coach"
    versions.unpublish("fitness_coach")
    assert catalog.default_name() == "default"
    assert "fitness_coach" not in catalog.names()


def test_an_unknown_persona_has_no_card() -> None:
    assert catalog.card("nobody") is None
