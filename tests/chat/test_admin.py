"""Sessions and turns in the admin: readable, escaped, and quick on large tables."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.ids import outside
from chat.models import Message, Session, Turn, Worker
from chat.paging import MOST_COUNTED
from identity.models import Owner
from personas import seed

pytestmark = [pytest.mark.database, pytest.mark.django_db]

MANY = 30_000
FILL = """
INSERT INTO chat_session (id, owner_id, persona_id, title, brain, metadata, created_at, updated_at)
SELECT gen_random_uuid(), %(owner)s, 'calm_coach', 'Session ' || n, '', '{}', at, at
FROM generate_series(1, %(many)s) n, LATERAL (SELECT now() - n * interval '1 s' AS at) t
"""


@pytest.fixture
def session() -> Session:
    seed.seed()
    owner = Owner.objects.create(external_id="someone-special")
    session = Session.objects.create(owner=owner, persona_id="calm_coach", title="Hello")
    said = Message.objects.create(
        session=session, owner=owner, role="user", text="<script>alert(1)</script>", depth=0, offset=0
    )
    turn = Turn.objects.create(
        session=session, owner=owner, user_message=said, persona="calm_coach", persona_version=1, brain="config"
    )
    reply = Message.objects.create(
        id=turn.id, session=session, owner=owner, role="assistant", text="Breathe.", parent=said, depth=1, offset=25
    )
    Turn.objects.filter(id=turn.id).update(status="complete", finished_at=turn.created_at, reply=reply)
    Session.objects.filter(id=session.id).update(head=reply)
    session.refresh_from_db()
    return session


def test_a_session_reads_like_what_was_said_and_nothing_in_it_runs(admin_client: Client, session: Session) -> None:
    page = admin_client.get(f"/admin/chat/session/{session.id}/change/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "Breathe." in page
    assert "_save" not in page


def test_nothing_can_be_written(admin_client: Client, session: Session) -> None:
    turn = Turn.objects.get()
    for address in (f"session/{session.id}/change/", f"turn/{turn.id}/change/"):
        assert admin_client.post(f"/admin/chat/{address}", {"title": "Other"}).status_code == 403
    for address in ("session/add/", "turn/add/", f"session/{session.id}/delete/", f"turn/{turn.id}/delete/"):
        assert admin_client.post(f"/admin/chat/{address}", {"post": "yes"}).status_code == 403
    session.refresh_from_db()
    assert session.title == "Hello"


@pytest.mark.parametrize("by", ["id", "owner"])
def test_a_session_is_found_by_its_id_and_its_user(admin_client: Client, session: Session, by: str) -> None:
    term = outside("session", session.id) if by == "id" else "someone-sp"
    assert outside("session", session.id) in admin_client.get("/admin/chat/session/", {"q": term}).content.decode()
    other = admin_client.get("/admin/chat/session/", {"q": "nobody"}).content.decode()
    assert outside("session", session.id) not in other


def test_turns_are_filtered_and_found(admin_client: Client, session: Session) -> None:
    turn = Turn.objects.get()
    shown = outside("turn", turn.id)
    for query in ({"brain": "config"}, {"status__exact": "complete"}, {"persona": "calm_coach"}, {"q": shown}):
        assert shown in admin_client.get("/admin/chat/turn/", query).content.decode(), query
    for query in ({"brain": "claude"}, {"status__exact": "failed"}, {"q": outside("turn", session.id)}):
        assert shown not in admin_client.get("/admin/chat/turn/", query).content.decode(), query
    page = admin_client.get(f"/admin/chat/turn/{turn.id}/change/").content.decode()
    assert outside("session", session.id) in page


def test_workers_show_their_turns_and_their_breakers(admin_client: Client, session: Session) -> None:
    worker = Worker.objects.create(
        host="a-host", pid=77, born="1", seen_at=timezone.now(), breakers={"claude": "open", "config": "closed"}
    )
    Turn.objects.update(worker=worker.id, status="running", finished_at=None)
    page = admin_client.get("/admin/chat/worker/").content.decode()
    assert "a-host:77" in page
    assert "claude: open, config: closed" in page
    assert '<td class="field-running_turns">1</td>' in page


def test_a_large_table_is_never_counted_or_sorted_whole(admin_client: Client, session: Session) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"owner": session.owner_id, "many": MANY})
        cursor.execute("ANALYZE chat_session")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = admin_client.get("/admin/chat/session/")
    assert page.context["cl"].result_count == MOST_COUNTED
    assert len(queries) <= 8
    listing = next(query["sql"] for query in queries if 'ORDER BY "chat_session"' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {listing}")
        plan = json.dumps(cursor.fetchone()[0])
    assert "session_newest" in plan
    assert '"Seq Scan", "Parallel Aware": false, "Async Capable": false, "Relation Name": "chat_session"' not in plan


def test_a_long_session_is_shown_in_parts(admin_client: Client, session: Session) -> None:
    parent = session.head
    assert parent is not None
    made = []
    for number in range(2, 260):
        role = "assistant" if number % 2 else "user"
        made.append(
            Message(
                session=session, owner=session.owner, role=role, text=f"line {number};", depth=number, offset=number
            )
        )
        made[-1].parent = made[-2] if len(made) > 1 else parent
    Message.objects.bulk_create(made)
    Session.objects.filter(id=session.id).update(head=made[-1])
    address = f"/admin/chat/session/{session.id}/change/"
    newest = admin_client.get(address).content.decode()
    assert "line 259;" in newest
    assert "line 59;" not in newest
    assert "?until=59" in newest
    older = admin_client.get(address, {"until": "59"}).content.decode()
    assert "line 59;" in older
    assert "line 60;" not in older
    assert "Breathe." in older
