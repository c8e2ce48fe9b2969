"""Migrations that run while the old code serves: by the rules of docs/deployment.md, Upgrades. tests/upgrade.py tries it.

The old code is that of deploy/released.toml. What it has is not taken away nor renamed; a row that it stores, not knowing of a
new column, is stored; no lock keeps writers out for as long as a table is long.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, Field

from coach_project.launch import BASE_DIR

RELEASED = tomllib.loads((BASE_DIR / "deploy" / "released.toml").read_text(encoding="utf-8"))

ADDING = (
    migrations.CreateModel,
    migrations.AddField,
    migrations.AddIndex,
    AddIndexConcurrently,
    migrations.AddConstraint,
    migrations.AlterModelOptions,
    migrations.RunPython,
    migrations.RunSQL,
)
"""All that a migration may do, some of it under the conditions below."""

LOOKED_AT = {
    "identity.0004_budgets": "a new table's key to identity_owner, which cascades; there are no rows to be checked",
}
"""RunSQL, RunPython and constraints on a table that the old code writes, by migration: why the old code can live with it."""


def ours() -> list[tuple[str, str]]:
    """The migrations of our apps that the released code does not have, in order of their names."""
    released: dict[str, str] = RELEASED["migrations"]
    rooms = {path.parent.name for path in BASE_DIR.glob("*/migrations") if path.parent.parent == BASE_DIR}
    found = MigrationLoader(None).disk_migrations
    return sorted((app, name) for app, name in found if app in rooms and name > released.get(app, ""))


def flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    """What is done to the database, out of operations that hold others."""
    for each in operations:
        if isinstance(each, migrations.SeparateDatabaseAndState):
            yield from flat(each.database_operations)
        else:
            yield each


def complaints(name: str, operations: Sequence[Operation]) -> list[str]:
    """Why a migration may not run while the old code serves."""
    found: list[str] = []
    new: set[str] = set()
    for each in flat(operations):
        table = str(getattr(each, "model_name", getattr(each, "name", "")))
        if not isinstance(each, ADDING):
            found.append(f"{name}: {each.describe()}: the old code may rely on what was there")
        elif isinstance(each, migrations.CreateModel):
            new.add(each.name_lower)
        elif isinstance(each, migrations.RunSQL) and speaks_of(
            each, {f"{name.split('.')[0]}_{model}" for model in new}
        ):
            continue
        elif table.lower() not in new and name not in LOOKED_AT and (sentence := condition(each)):
            found.append(f"{name}: {each.describe()}: {sentence}")
    return found


def speaks_of(operation: migrations.RunSQL, new: set[str]) -> bool:
    """Whether SQL names tables of ours, and new ones alone."""
    rooms = "|".join(sorted(app for app, _ in ours()) + list(RELEASED["migrations"]))
    named = set(re.findall(rf"\b(?:{rooms})_\w+", str(operation.sql)))
    return bool(named) and named <= new


def condition(operation: Operation) -> str:
    """What is wrong with an addition to a table that is there already; empty where nothing is."""
    match operation:
        case migrations.AddField(field=field) if not takes_rows_without(field):
            return "the old code stores rows without it, so it needs null=True or db_default"
        case migrations.AddField(field=field) if field.unique or getattr(field, "db_index", False):
            return "an index that is made at once keeps writers out; add it by AddIndexConcurrently"
        case AddIndexConcurrently():
            return ""
        case migrations.AddIndex():
            return "it keeps writers out while it is made; use AddIndexConcurrently, with atomic = False"
        case migrations.AddConstraint() | migrations.RunSQL() | migrations.RunPython():
            return "say in LOOKED_AT why the old code can live with it"
    return ""


def takes_rows_without(field: Field[Any, Any]) -> bool:
    return field.null or field.many_to_many or field.db_default is not NOT_PROVIDED


def test_new_migrations_only_add() -> None:
    found = MigrationLoader(None).disk_migrations
    new = ours()
    assert [sentence for key in new for sentence in complaints(".".join(key), found[key].operations)] == []
    assert set(LOOKED_AT) <= {".".join(key) for key in new}


TEXT = models.CharField(max_length=9, default="")


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (migrations.AddField("turn", "mood", TEXT), "db_default"),
        (migrations.AddField("turn", "mood", models.IntegerField(db_default=0)), ""),
        (migrations.AddField("turn", "mood", models.CharField(max_length=9, null=True)), ""),
        (migrations.AddField("turn", "mood", models.IntegerField(null=True, unique=True)), "keeps writers out"),
        (migrations.RemoveField("turn", "cost"), "rely on"),
        (migrations.RenameField("turn", "cost", "price"), "rely on"),
        (migrations.AlterField("turn", "cost", models.FloatField()), "rely on"),
        (migrations.DeleteModel("Turn"), "rely on"),
        (migrations.AddIndex("turn", models.Index(fields=["cost"], name="x")), "AddIndexConcurrently"),
        (AddIndexConcurrently("turn", models.Index(fields=["cost"], name="x")), ""),
        (migrations.RunSQL("SELECT 1"), "LOOKED_AT"),
        (migrations.SeparateDatabaseAndState([migrations.RemoveField("turn", "cost")]), "rely on"),
        (migrations.SeparateDatabaseAndState([], [migrations.RemoveField("turn", "cost")]), ""),
    ],
)
def test_what_the_old_code_could_not_live_with_is_found(operation: Operation, said: str) -> None:
    (sentence,) = complaints("chat.0099", [operation]) or [""]
    assert said in sentence
    assert bool(said) == bool(sentence)


def test_a_new_table_is_free() -> None:
    made = migrations.CreateModel("Mood", [("id", models.BigAutoField(primary_key=True))])
    assert complaints("chat.0099", [made, migrations.AddField("mood", "word", TEXT)]) == []


def test_sql_may_do_what_it_wants_to_a_new_table() -> None:
    made = migrations.CreateModel("Mood", [("id", models.BigAutoField(primary_key=True))])
    new, old = (migrations.RunSQL(f"ALTER TABLE {name} SET UNLOGGED") for name in ("chat_mood", "chat_turn"))
    assert complaints("chat.0099", [made, new]) == []
    assert len(complaints("chat.0099", [made, old])) == len(complaints("chat.0099", [new])) == 1


def test_the_released_commit_has_the_migrations_that_are_said_to_be_its_last() -> None:
    commit = RELEASED["commit"]
    asked = ["git", "ls-tree", "-r", "--name-only", commit]
    listed = subprocess.run(asked, cwd=BASE_DIR, capture_output=True, text=True, check=False)
    if listed.returncode:  # a shallow clone, or no clone: then nothing can be said
        return
    names = sorted(line for line in listed.stdout.splitlines() if "/migrations/0" in line)
    last = {line.split("/")[0]: line.split("/")[2].removesuffix(".py") for line in names}
    assert last == RELEASED["migrations"]
