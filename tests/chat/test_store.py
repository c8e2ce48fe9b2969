"""The hot path's SQL against the models: what it writes, the ORM reads, and the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import pytest
from django.db import connection

from brains.types import Usage
from chat.ids import new_id
from chat.models import IdempotencyKey, Message, Session, Turn
from chat.prompts import Utterance
from chat.records import Checkpoint, Kept, NewTurn, Scene
from chat.store import Store
from identity.callers import OPEN
from identity.models import Owner
from personas import seed
from personas.instructions import script_of
from problems import DatabaseUnavailable

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

T = TypeVar("T")
Run = Callable[[Callable[[Store], Awaitable[T]]], T]


@pytest.fixture
def session() -> Session:
    seed.seed()
    owner = Owner.objects.create(external_id="someone", language="nb")
    return Session.objects.create(owner=owner, persona_id="calm_coach")


def run(work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something with a store on the test's database."""
    at = connection.get_connection_params()
    names = {"dbname": "dbname", "host": "host", "port": "port", "user": "user", "password": "password"}
    conninfo = " ".join(f"{name}='{at[key]}'" for key, name in names.items() if at.get(key))

    async def with_store() -> T:
        store = Store(conninfo, 2)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(with_store())


def new(session: Session, **changes: object) -> NewTurn:
    turn = NewTurn(
        turn=new_id(),
        message=new_id(),
        session=session.id,
        owner=session.owner_id,
        anchor=session.head_id,
        head_before=session.head_id,
        depth=0,
        offset=0,
        text="Hei, trener!",
        title="Hei, trener!",
        asked_before=False,
        persona="calm_coach",
        persona_version=1,
        brain="config",
        worker=new_id(),
        slot=None,
        key="",
        digest="",
        manifest='{"chars": 12}',
        safety="",
    )
    return replace(turn, **changes)  # type: ignore[arg-type]


def kept(turn: NewTurn, **changes: object) -> Kept:
    ended = Kept(
        turn=turn.turn,
        session=turn.session,
        owner=turn.owner,
        user_message=turn.message,
        depth=turn.depth + 1,
        offset=turn.offset + len(turn.text),
        text="Pust inn 🌬️",
        status="complete",
        brain="claude",
        model="m",
        fallback=True,
        usage=Usage(5, 7, 3, 2),
        error="",
        seconds_to_first_token=0.25,
        cost=Decimal("0.0000123"),
        safety="",
    )
    return replace(ended, **changes)  # type: ignore[arg-type]


def opened(turn: NewTurn) -> None:
    assert run(lambda store: store.new_turn(turn))


def seen(session: UUID, reach: int = 1_000_000, key: str = "") -> Scene:
    async def work(store: Store) -> Scene:
        scene = await store.scene(session, None, reach, key, OPEN)
        assert scene is not None
        return scene

    return run(work)


def test_a_scene_holds_the_session_its_owner_and_the_personas_current_words(session: Session) -> None:
    scene = seen(session.id)
    current = session.persona.current
    assert current is not None
    assert scene.voice is not None
    assert (scene.session, scene.owner, scene.language) == (session.id, session.owner_id, "nb")
    assert (scene.persona, scene.published, scene.voice.number) == ("calm_coach", True, current.number)
    assert (scene.voice.instructions, scene.voice.script) == (current.instructions, script_of(current.script))
    assert (scene.head, scene.depth, scene.path_chars) == (None, 0, 0)
    assert (scene.running, scene.key_digest, scene.key_turn) == (None, "", None)
    assert (scene.slots, scene.path, scene.named) == (frozenset(), (), True)


def test_a_session_that_is_not_there_has_no_scene(session: Session) -> None:
    assert run(lambda store: store.scene(new_id(), None, 0, "", OPEN)) is None


def test_a_session_outlives_its_persona(session: Session) -> None:
    Session.objects.filter(id=session.id).update(persona_id="long_gone")
    assert (seen(session.id).voice, seen(session.id).published) == (None, False)


def test_a_new_turn_is_what_the_models_say(session: Session) -> None:
    turn = new(session, key="k", digest="d")
    opened(turn)
    row = Turn.objects.select_related("user_message").get(id=turn.turn)
    row.full_clean()
    row.user_message.full_clean()
    assert (row.status, row.brain, row.persona, row.persona_version, row.worker) == (
        "running",
        "config",
        "calm_coach",
        1,
        turn.worker,
    )
    assert (row.user_message.text, row.user_message.role, row.user_message.parent) == (turn.text, "user", None)
    session.refresh_from_db()
    assert (session.head_id, session.title) == (turn.message, "Hei, trener!")
    key = IdempotencyKey.objects.get()
    assert (key.owner_id, key.key, key.digest, key.turn_id) == (session.owner_id, "k", "d", turn.turn)
    scene = seen(session.id, key="k")
    assert (scene.running, scene.key_digest, scene.key_turn) == (turn.turn, "d", turn.turn)


def test_a_kept_turn_is_what_the_models_say(session: Session) -> None:
    turn = new(session)
    opened(turn)
    assert run(lambda store: store.keep(kept(turn))) is True
    row = Turn.objects.select_related("reply").get(id=turn.turn)
    row.full_clean()
    reply = row.reply
    assert reply is not None
    reply.full_clean()
    assert (reply.id, reply.text, reply.role, reply.parent_id) == (turn.turn, "Pust inn 🌬️", "assistant", turn.message)
    assert (reply.depth, reply.offset) == (1, len(turn.text))
    assert (row.status, row.brain, row.model, row.fallback) == ("complete", "claude", "m", True)
    assert (row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens) == (5, 7, 3, 2)
    assert row.cost == Decimal("0.0000123")
    assert row.finished_at is not None
    assert row.first_token_at is not None
    assert (row.first_token_at - row.created_at).total_seconds() == 0.25
    session.refresh_from_db()
    assert session.head_id == reply.id
    assert session.updated_at >= row.created_at
    stored = run(lambda store: store.stored(turn.turn))
    assert stored is not None
    assert (stored.status, stored.text, stored.input_tokens) == ("complete", reply.text, 5)


def test_a_turn_ends_once(session: Session) -> None:
    turn = new(session)
    opened(turn)
    run(lambda store: store.keep(kept(turn)))
    assert run(lambda store: store.keep(kept(turn, text="another", status="failed"))) is False
    assert Message.objects.count() == 2


def test_a_turn_without_text_leaves_no_reply(session: Session) -> None:
    turn = new(session)
    opened(turn)
    run(
        lambda store: store.keep(
            kept(turn, text="", status="failed", error="provider_busy", usage=None, seconds_to_first_token=None)
        )
    )
    row = Turn.objects.get(id=turn.turn)
    assert (row.reply, row.error, row.input_tokens, row.first_token_at) == (None, "provider_busy", None, None)
    session.refresh_from_db()
    assert session.head_id == turn.message


def test_a_turn_of_a_deleted_session_is_gone(session: Session) -> None:
    turn = new(session)
    opened(turn)
    session.delete()
    assert run(lambda store: store.keep(kept(turn))) is None
    assert Message.objects.count() == 0


def test_a_turn_begins_only_in_a_session_that_is_as_it_was_seen(session: Session) -> None:
    first = new(session)
    opened(first)
    assert run(lambda store: store.new_turn(new(session))) is False
    session.refresh_from_db()
    assert run(lambda store: store.new_turn(new(session))) is False, "one turn runs"
    assert Turn.objects.count() == Message.objects.count() == 1
    assert session.head_id == first.message
    run(lambda store: store.keep(kept(first)))
    assert run(lambda store: store.new_turn(new(session))) is False, "the path has gone on"
    session.refresh_from_db()
    gone = new(session, anchor=new_id(), depth=2, offset=30)
    assert run(lambda store: store.new_turn(gone)) is False, "what it would follow is not there"
    assert run(lambda store: store.new_turn(new(session, depth=2, offset=30))) is True


def test_a_slot_and_a_key_are_taken_once(session: Session) -> None:
    other = Session.objects.create(owner=session.owner, persona_id="calm_coach")
    opened(new(session, slot=0, key="k", digest="d"))
    assert run(lambda store: store.new_turn(new(other, slot=0))) is False
    assert run(lambda store: store.new_turn(new(other, slot=1, key="k", digest="d"))) is False
    assert Turn.objects.count() == 1
    opened(new(other, slot=1))
    assert seen(session.id).slots == {0, 1}


def test_a_turn_that_was_stored_by_a_lost_answer_counts_as_stored(session: Session) -> None:
    turn = new(session, slot=0)
    opened(turn)
    assert run(lambda store: store.keep(kept(turn))) is True
    assert run(lambda store: store.keep(kept(turn))) is True
    assert seen(session.id).slots == frozenset()


def test_the_path_is_read_from_the_window_on(session: Session) -> None:
    head, depth, offset = None, 0, 0
    for number in range(4):
        turn = new(session, anchor=head, head_before=head, depth=depth, offset=offset, text=f"question {number}")
        opened(turn)
        run(lambda store, turn=turn, number=number: store.keep(kept(turn, text=f"answer {number}")))  # type: ignore[misc]
        head, depth = turn.turn, depth + 2
        offset += len(f"question {number}") + len(f"answer {number}")
    scene = seen(session.id)
    assert (scene.head, scene.depth, scene.path_chars) == (head, 8, offset)
    assert [line.text for line in scene.path] == [f"{what} {n}" for n in range(4) for what in ("question", "answer")]
    assert scene.path[1] == Utterance("assistant", "answer 0", "complete", len("question 0"))
    late = seen(session.id, reach=20)
    assert [line.text for line in late.path] == ["question 3", "answer 3"]


def test_a_database_that_is_away_is_told_as_such() -> None:
    async def work() -> None:
        store = Store("host=127.0.0.1 port=1 dbname=none connect_timeout=1", 1, timeout=0.2)
        await store.open()
        try:
            await store.ping()
        finally:
            await store.close()

    with pytest.raises(DatabaseUnavailable):
        asyncio.run(work())


def test_a_checkpoint_whose_answer_was_lost_is_stored_again_with_more_and_read_from_the_middle(
    session: Session,
) -> None:
    turn = new(session)
    opened(turn)

    async def work(store: Store) -> list[str]:
        for text in ("Breathe", "Breathe in 🌬️, and"):
            assert await store.checkpoint(turn.worker, [Checkpoint(turn.turn, 0, text)], []) == {turn.turn}
        await store.checkpoint(turn.worker, [Checkpoint(turn.turn, 17, " out.")], [])
        return [(await store.progress({turn.turn: seen}))[turn.turn].text for seen in (0, 7, 17, 22)]

    whole = "Breathe in 🌬️, and out."
    assert run(work) == [whole, whole[7:], whole[17:], ""]


def test_a_database_that_says_nothing_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.pool.ANSWER", 0.2)

    async def work(store: Store) -> None:
        with pytest.raises(DatabaseUnavailable):
            await store.rows("SELECT pg_sleep(60)", {})
        assert await store.rows("SELECT 1", {}) == [(1,)]

    run(work)
