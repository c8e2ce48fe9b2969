"""Row-level security: what a query sees that forgot to ask whose rows they are."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import ProgrammingError, connection, transaction
from django.db.models import ForeignKey, Model

from chat.ids import new_id
from chat.models import Message, Piece, Session, Status, Turn
from identity import walls
from identity.callers import CHAT, OPEN, Caller
from identity.models import ApiKey, Owner
from memory.models import Fact, Profile
from personas import seed

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

KARI = Caller("main", "token", "kari", frozenset({CHAT}))
APP = Caller("main", "key", None, frozenset({CHAT}))


@pytest.fixture(autouse=True)
def coaches() -> None:
    seed.seed()


def belongings(app: str, user: str) -> Owner:
    """A row of an owner's in the tables of the hot path and some others."""
    owner = Owner.objects.create(app=app, external_id=user)
    session = Session.objects.create(owner=owner, persona_id="default", metadata={})
    message = Message.objects.create(
        id=new_id(), session=session, owner=owner, role="user", text=f"of {user}", depth=0, offset=0
    )
    turn = Turn.objects.create(
        id=new_id(),
        session=session,
        owner=owner,
        user_message=message,
        status=Status.RUNNING,
        persona="default",
        persona_version=1,
        brain="config",
        worker=new_id(),
        manifest={},
    )
    Piece.objects.create(turn=turn, start=0, text="so far")
    Profile.objects.create(owner=owner)
    Fact.objects.create(
        owner=owner, kind="goal", text=f"of {user}", quote="", origin="user", confidence=1, valid_from="2026-01-01"
    )
    return owner


@pytest.fixture
def kari() -> Owner:
    belongings("main", "ola")
    belongings("other", "kari")
    return belongings("main", "kari")


TABLES: list[type[Model]] = [Session, Message, Turn, Piece, Profile, Fact]


@pytest.mark.parametrize("model", TABLES)
def test_a_query_without_a_filter_finds_the_callers_rows_alone(kari: Owner, model: type[Model]) -> None:
    everything = model._default_manager.count()
    with walls.behind(KARI):
        own = model._default_manager.count()
    with walls.behind(APP):
        of_the_app = model._default_manager.count()
    assert (own, of_the_app, everything) == (1, 2, 3)
    assert model._default_manager.count() == 3, "the wall is gone with its transaction"


def test_owners_are_walled_too(kari: Owner) -> None:
    with walls.behind(KARI):
        assert list(Owner.objects.values_list("pk", flat=True)) == [kari.pk]
    with walls.behind(APP):
        assert {owner.app for owner in Owner.objects.all()} == {"main"}


def test_nothing_is_there_for_one_who_is_not_known(kari: Owner) -> None:
    nobody = Caller("main", "token", "nobody", frozenset({CHAT}))
    with walls.behind(nobody):
        assert [model._default_manager.count() for model in TABLES] == [0] * len(TABLES)


def test_a_role_without_a_name_sees_nothing(kari: Owner) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {walls.USER}")
        for model in TABLES:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")  # noqa: S608 — our own names
            assert cursor.fetchone() == (0,)


def test_rows_of_others_can_be_neither_changed_nor_deleted_nor_made(kari: Owner) -> None:
    ola = Owner.objects.get(external_id="ola")
    with walls.behind(KARI):
        assert Fact.objects.filter(owner=ola).update(text="changed") == 0
        assert Fact.objects.filter(owner=ola).delete()[0] == 0
        assert Fact.objects.update(text="mine") == 1
    with pytest.raises(ProgrammingError, match="row-level security"), walls.behind(KARI):
        Fact.objects.create(
            owner=ola, kind="goal", text="x", quote="", origin="user", confidence=1, valid_from="2026-01-01"
        )
    with pytest.raises(ProgrammingError, match="row-level security"), walls.behind(KARI):
        Fact.objects.filter(owner=kari).update(owner=ola)
    assert Fact.objects.get(owner=ola).text == "of ola"


@pytest.mark.parametrize("read", [ApiKey.objects.count, get_user_model().objects.count])
def test_what_is_nobodys_is_out_of_reach(read: Callable[[], int]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), walls.behind(KARI):
        read()


def test_in_open_mode_there_is_no_wall(kari: Owner) -> None:
    with walls.behind(OPEN):
        assert Session.objects.count() == 3


def test_every_table_with_an_owner_is_walled_and_every_table_is_thought_of() -> None:
    """A model that hangs on one that is walled has to be walled itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename, array_agg(roles[1]::text ORDER BY 1) FROM pg_policies GROUP BY 1")
        policies = dict(cursor.fetchall())
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity")
        secured = {name for (name,) in cursor.fetchall()}
    walled = walls.walled()
    assert {model._meta.db_table for model in walled} == secured == set(policies)
    assert all(sorted(roles) == [walls.APP, walls.USER] for roles in policies.values())
    for model in apps.get_models():
        hangs = {field.related_model for field in model._meta.fields if isinstance(field, ForeignKey)}
        assert model in walled or not hangs & set(walled), f"{model._meta.label} is somebody's and has no wall."


def test_the_roles_of_callers_are_no_superusers_and_pass_no_wall() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = ANY(%s)",
            [[walls.USER, walls.APP]],
        )
        rows = cursor.fetchall()
    assert sorted(rows) == [(walls.APP, False, False, False, False), (walls.USER, False, False, False, False)]


def test_set_ups_of_several_databases_make_the_roles_at_the_same_moment() -> None:
    """Roles are of the cluster, so that each of them finds the others half way."""
    racer, together = f"racer_{secrets.token_hex(4)}", threading.Barrier(4)

    where = connection.get_connection_params()
    where |= {"user": "postgres"} if where["host"].startswith("/") else {}  # of the embedded cluster
    where = {name: value for name, value in where.items() if name in ("host", "port", "user", "password", "dbname")}

    def set_up(role: str) -> None:
        with psycopg.connect(**where, autocommit=True) as one:
            one.execute(f"SET ROLE {racer}".encode())
            for statement in (walls.MAKE, walls.JOIN):
                together.wait(10)
                one.execute(statement.format(role=role).encode())

    with psycopg.connect(**where, autocommit=True) as cursor, ThreadPoolExecutor(4) as threads:
        cursor.execute(f"CREATE ROLE {racer} CREATEROLE".encode())
        for number in range(8):
            role = f"{racer}_{number}"
            for done in [threads.submit(set_up, role) for _ in range(4)]:
                done.result(20)
            found = cursor.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [racer, role]).fetchone()
            assert found == (True,)
            cursor.execute(f"DROP ROLE {role}".encode())
        cursor.execute(f"DROP ROLE {racer}".encode())


def test_one_owner_is_looked_up_once_and_an_index_finds_the_rest(kari: Owner) -> None:
    """A policy that no index helps would read every message of all users."""
    with walls.behind(KARI), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT count(*) FROM chat_message")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond: (owner_id = (InitPlan" in plan or "Index Cond: (owner_id = $" in plan, plan
