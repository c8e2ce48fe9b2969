"""Which brain is active, and changing it."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from pytest_django import Settings

from brains import switching
from brains.models import ActiveBrain, BrainSwitch
from problems import BrainNotReady, UnknownBrain

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def brains(settings: Settings) -> None:
    entry = {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {}}
    settings.BRAINS = {"config": entry, "other": entry, "keyed": {**entry, "REQUIRES": {"SOME_KEY": ""}}}
    settings.COACH_BRAIN = "config"


def record() -> list[tuple[str, str, str]]:
    return list(BrainSwitch.objects.order_by("id").values_list("who", "from_alias", "to_alias"))


def test_a_new_database_uses_the_brain_of_the_settings() -> None:
    assert switching.active() == "config"
    assert not ActiveBrain.objects.exists()


def test_a_switch_is_kept_and_recorded_with_who_and_when() -> None:
    made = switching.switch("other", "ada")
    assert switching.active() == "other"
    assert made.at is not None
    switching.switch("config", "bob")
    assert record() == [("ada", "config", "other"), ("bob", "other", "config")]


def test_the_database_decides_once_there_was_a_switch(settings: Settings) -> None:
    switching.switch("other", "ada")
    settings.COACH_BRAIN = "keyed"
    assert switching.active() == "other"


@pytest.mark.parametrize(
    ("alias", "kind", "words"), [("nope", UnknownBrain, "config, other, keyed"), ("keyed", BrainNotReady, "SOME_KEY")]
)
def test_a_failed_switch_changes_nothing(alias: str, kind: type[Exception], words: str) -> None:
    switching.switch("other", "ada")
    with pytest.raises(kind, match=words):
        switching.switch(alias, "bob")
    assert switching.active() == "other"
    assert len(record()) == 1


def test_a_long_name_does_not_stand_in_the_way() -> None:
    assert len(switching.switch("other", "x" * 1000).who) == 200


def test_there_is_one_active_brain_at_most() -> None:
    switching.switch("other", "ada")
    switching.switch("config", "ada")
    assert ActiveBrain.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_switches_at_the_same_time_follow_one_another() -> None:
    start = threading.Barrier(6)

    def switch(number: int) -> None:
        start.wait(10)
        switching.switch("other" if number % 2 else "config", f"user {number}")
        connection.close()

    threads = [threading.Thread(target=switch, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    made = record()
    assert len(made) == 6
    assert made[0][1] == "config"
    assert [later[1] for later in made[1:]] == [earlier[2] for earlier in made[:-1]]
    assert switching.active() == made[-1][2]
