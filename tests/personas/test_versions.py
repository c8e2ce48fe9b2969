"""Each save is a new version that never changes."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction

from personas import seed, versions
from personas.content import PersonaContent
from personas.models import Persona, PersonaVersion
from problems import Invalid, NotFound

CONTENT = PersonaContent(name="Rower", description="Rows.", instructions="You row.\nGently.")

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def rower() -> Persona:
    return Persona.objects.create(id="rower")


def test_a_save_makes_the_next_version_the_current_one(rower: Persona) -> None:
    first = versions.save("rower", CONTENT, "ann", "begin")
    second = versions.save("rower", replace(CONTENT, tone="hard"), "bob")
    rower.refresh_from_db()
    assert (first.number, second.number, rower.current_id) == (1, 2, second.id)
    assert (first.created_by, first.note, second.created_by) == ("ann", "begin", "bob")
    assert versions.content(first) == CONTENT


def test_saving_the_same_again_makes_nothing(rower: Persona) -> None:
    assert versions.save("rower", CONTENT, "ann") == versions.save("rower", CONTENT, "bob")
    assert rower.versions.count() == 1


def test_rolling_back_is_a_new_version_with_the_old_words(rower: Persona) -> None:
    versions.save("rower", CONTENT, "ann")
    versions.save("rower", replace(CONTENT, instructions="You row hard."), "ann")
    back = versions.roll_back("rower", 1, "bob")
    assert (back.number, back.note) == (3, "Rolled back to version 1.")
    assert versions.content(back) == CONTENT
    with pytest.raises(NotFound):
        versions.roll_back("rower", 9, "bob")


def test_a_difference_names_the_fields_and_lines(rower: Persona) -> None:
    old = versions.save("rower", CONTENT, "ann")
    new = versions.save("rower", replace(CONTENT, instructions="You row.\nHard.", starters=("Go?",)), "ann")
    changes = {change.field: change.lines for change in versions.difference(old, new)}
    assert changes.keys() == {"instructions", "starters"}
    assert "-Gently." in changes["instructions"]
    assert "+Hard." in changes["instructions"]
    assert versions.difference(old, old) == []


def test_a_version_never_changes_by_the_orm(rower: Persona) -> None:
    version = versions.save("rower", CONTENT, "ann")
    version.name = "Other"
    with pytest.raises(TypeError):
        version.save()


def test_a_version_never_changes_by_sql(rower: Persona) -> None:
    version = versions.save("rower", CONTENT, "ann")
    with pytest.raises(DatabaseError), transaction.atomic():
        PersonaVersion.objects.filter(id=version.id).update(name="Other")


def test_publishing_needs_words_and_the_default_persona_stays(rower: Persona) -> None:
    seed.seed()
    with pytest.raises(Invalid):
        versions.publish("rower")
    versions.save("rower", CONTENT, "ann")
    versions.publish("rower")
    assert Persona.objects.get(id="rower").published
    versions.unpublish("rower")
    assert not Persona.objects.get(id="rower").published
    with pytest.raises(Invalid):
        versions.unpublish("default")
    with pytest.raises(NotFound):
        versions.publish("nobody")


@pytest.mark.django_db(transaction=True)
def test_two_saves_at_once_get_two_numbers() -> None:
    Persona.objects.create(id="rower")
    numbers: list[int] = []

    def save(name: str) -> None:
        try:
            numbers.append(versions.save("rower", replace(CONTENT, name=name), name).number)
        finally:
            connection.close()

    saving = [threading.Thread(target=save, args=(f"name {number}",)) for number in range(5)]
    for one in saving:
        one.start()
    for one in saving:
        one.join()
    assert sorted(numbers) == [1, 2, 3, 4, 5]
