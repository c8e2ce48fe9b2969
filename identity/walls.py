"""The second wall around a caller's rows: PostgreSQL's row-level security, for the filter that somebody forgets.

The application's role owns the tables and is the operator: for the admin, the reaper, checkpoints and background work. What is
done for a caller is done in a transaction that has taken on a lesser role, to which policies show only the caller's rows:

    coach_user   one user's: `coach.app` and `coach.user` name the owner
    coach_app    those of all users of an app: `coach.app` names it

Each table with a column owner_id is walled, and each that COACH_WALLED names by its way to such a table. A role has no right to
tables that are not: what a caller may read besides is listed in READABLE.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

from identity.callers import Caller
from identity.models import Owner

USER, APP = "coach_user", "coach_app"

ENTER = """
SELECT set_config('role', %(role)s, true), set_config('coach.app', %(app)s, true), set_config('coach.user', %(user)s, true)
"""

READABLE = {
    "personas.Persona": "SELECT",
    "personas.PersonaVersion": "SELECT",
    "brains.ActiveBrain": "SELECT",
    "safety.RuleSet": "SELECT",
    "memory.Watermark": "SELECT, INSERT, UPDATE",  # held while something is forgotten; nothing of anybody's is in it
}
"""Tables that are nobody's, and what a caller may do with them."""

SHARED = {"identity.Budget": "user"}
"""Tables whose rows are everybody's where that field is empty, else that owner's."""

RIGHTS = {"identity.Budget": "SELECT (id)"}  # whether there is any; what it says is the operator's
"""What a caller may do with rows that are walled, where that is not everything."""

OWN = {
    USER: """= (SELECT o.id FROM identity_owner o
        WHERE o.app = current_setting('coach.app', true) AND o.external_id = current_setting('coach.user', true))""",
    APP: """IN (SELECT o.id FROM identity_owner o WHERE o.id = owner_id AND o.app = current_setting('coach.app', true))""",
}
"""What an owner's id has to be. One owner is looked up once, and an index finds the rest; an app's are looked up row by row."""

OWNER = {
    USER: "app = current_setting('coach.app', true) AND external_id = current_setting('coach.user', true)",
    APP: "app = current_setting('coach.app', true)",
}


def place_of(caller: Caller) -> dict[str, str]:
    """The values of ENTER."""
    return {"role": APP if caller.user is None else USER, "app": caller.app, "user": caller.user or ""}


@contextmanager
def behind(caller: Caller) -> Iterator[None]:
    """A transaction on Django's connection in which there are only the caller's rows; in `open` mode all are."""
    if caller.open:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(ENTER, place_of(caller))
        yield


def build(app_config: AppConfig, **_: Any) -> None:
    """After an app's migrations: wall its tables that are there. Without the roles nothing is done (`lacking`)."""
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
        if lacking(cursor) or Owner._meta.db_table not in there:
            return
        for model in app_config.get_models():
            if model._meta.db_table not in there:  # a migration that stops half way was asked for
                continue
            for statement in statements(model):
                cursor.execute(statement)
        if app_config.label == "identity":
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {USER}, {APP}")


def statements(model: type[Model]) -> Iterator[str]:
    """What walls a model's table; nothing for one that has no owner."""
    table, label = model._meta.db_table, model._meta.label
    rules = rules_of(model)
    if rules is None:
        if label in READABLE:
            yield f"GRANT {READABLE[label]} ON {table} TO {USER}, {APP}"
        return
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    for role, rule in rules.items():
        yield f"DROP POLICY IF EXISTS own_{role} ON {table}"
        yield f"CREATE POLICY own_{role} ON {table} TO {role} USING ({rule}) WITH CHECK ({rule})"
    yield f"GRANT {RIGHTS.get(label, 'SELECT, INSERT, UPDATE, DELETE')} ON {table} TO {USER}, {APP}"
    key = model._meta.pk
    if label not in RIGHTS and key is not None and key.get_internal_type() in ("AutoField", "BigAutoField"):
        yield f"GRANT USAGE ON SEQUENCE {table}_{key.column}_seq TO {USER}, {APP}"


def rules_of(model: type[Model]) -> dict[str, str] | None:
    """Which rows of a model's table a role sees; None where they are nobody's."""
    if model._meta.label == "identity.Owner":
        return OWNER
    if way := settings.COACH_WALLED.get(model._meta.label):
        parent = model._meta.get_field(way).related_model
        assert isinstance(parent, type)  # noqa: S101 — a foreign key, told to the type checker
        return dict.fromkeys(OWN, f"EXISTS (SELECT 1 FROM {parent._meta.db_table} WHERE id = {way}_id)")  # noqa: S608
    if field := SHARED.get(model._meta.label):
        column = f"{field}_id"
        return {role: f"{column} IS NULL OR {column} {own.replace('owner_id', column)}" for role, own in OWN.items()}
    owned = any(field.name == "owner" for field in model._meta.fields)
    return {role: f"owner_id {own}" for role, own in OWN.items()} if owned else None


def walled() -> list[type[Model]]:
    """Every model whose rows are somebody's."""
    return [model for model in apps.get_models() if rules_of(model) is not None]


def lacking(cursor: Any) -> list[str]:
    """Makes the roles that are missing, if it may; those that are missing still, or that this one may not take on."""
    wanted = [USER, APP]
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [wanted])
    there = {name for (name,) in cursor.fetchall()}
    cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:
        for role in wanted:
            if role not in there:
                cursor.execute(MAKE.format(role=role))
            cursor.execute(JOIN.format(role=role))
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND pg_has_role(rolname, 'MEMBER')", [wanted])
    have = {name for (name,) in cursor.fetchall()}
    return [role for role in wanted if role not in have]


# Roles are of the whole cluster: another database's set-up may be doing the same at this moment.
MAKE = """
DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""
JOIN = """
DO $$ BEGIN
    IF NOT pg_has_role('{role}', 'MEMBER') THEN GRANT {role} TO current_user; END IF;
EXCEPTION WHEN unique_violation THEN NULL;
END $$
"""
