"""A session in the admin reads like the chat, with its branches and how each turn went."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.ids import new_id, outside
from chat.models import Message, Session, Turn
from identity.models import Owner
from personas import seed

pytestmark = [pytest.mark.database, pytest.mark.django_db]


class Talk:
    """A session that grows by turns."""

    def __init__(self) -> None:
        seed.seed()
        self.owner = Owner.objects.create(external_id="someone")
        self.session = Session.objects.create(owner=self.owner, persona_id="calm_coach", title="Hello")

    def say(self, text: str, parent: Message | None) -> Message:
        return self._message("user", text, parent)

    def answer(self, question: Message, text: str, **fields: Any) -> Message | None:
        """A turn; without text it ends without a reply."""
        turn = Turn(
            id=new_id(),
            session=self.session,
            owner=self.owner,
            user_message=question,
            persona="calm_coach",
            persona_version=3,
            **{"brain": "claude", "model": "claude-sonnet-5-5", **fields, "status": "running"},
        )
        if text:
            turn.reply = self._message("assistant", text, question, id=turn.id)
        turn.save(force_insert=True)
        if (status := fields.get("status", "complete")) != "running":
            turn.status = status
            turn.first_token_at = turn.created_at + timedelta(milliseconds=850) if text else None
            turn.finished_at = turn.created_at + timedelta(milliseconds=3_210)
            turn.save()
        return turn.reply

    def _message(self, role: str, text: str, parent: Message | None, **fields: Any) -> Message:
        depth = parent.depth + 1 if parent else 0
        message = Message.objects.create(
            session=self.session,
            owner=self.owner,
            role=role,
            text=text,
            parent=parent,
            depth=depth,
            offset=depth,
            **fields,
        )
        Session.objects.filter(id=self.session.id).update(head=message)
        return message

    def page(self, client: Client, **query: str) -> str:
        answer = client.get(f"/admin/chat/session/{self.session.id}/change/", query)
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_each_reply_says_who_spoke_how_long_it_took_and_what_it_cost(admin_client: Client, talk: Talk) -> None:
    question = talk.say("<img src=x onerror=alert(1)>", None)
    talk.answer(
        question,
        "<b>Breathe</b>",
        input_tokens=1_200,
        cache_read_tokens=900,
        output_tokens=40,
        cost=Decimal("0.00109"),
        fallback=True,
    )
    page = talk.page(admin_client)
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "&lt;b&gt;Breathe&lt;/b&gt;" in page
    assert "<img src=x" not in page
    for fact in (
        "claude (stood in)",
        "claude-sonnet-5-5",
        "calm_coach v3",
        "first token 0.85 s",
        "took 3.21 s",
        "1,200 tokens in (900 cached), 40 out",
        "$0.001090",
    ):
        assert fact in page, fact


def test_a_turn_that_failed_stands_below_its_question(admin_client: Client, talk: Talk) -> None:
    question = talk.say("Hello?", None)
    talk.answer(question, "", status="failed", error="provider_busy")
    talk.answer(question, "", status="running")
    page = talk.page(admin_client)
    assert "failed: provider_busy" in page
    assert "cost unknown" in page
    assert "status running" in page


def test_branches_are_a_step_aside(admin_client: Client, talk: Talk) -> None:
    question = talk.say("How?", None)
    first = talk.answer(question, "Slowly.")
    assert first
    talk.answer(talk.say("Slower?", first), "Much slower.")
    second = talk.answer(question, "Fast.")
    assert second
    now = talk.page(admin_client)
    assert "Fast." in now
    assert "2 of 2" in now
    assert "Slowly." not in now
    aside = outside("msg", first.id)
    assert f"?at={aside}#{aside}" in now
    other = talk.page(admin_client, at=aside)
    assert "Much slower." in other
    assert "1 of 2" in other
    assert "Fast." not in other
    assert "to the current one" in other


@pytest.mark.parametrize("at", ["msg_" + "0" * 32, "turn_1", "<script>"])
def test_a_message_that_is_not_of_the_session_leads_nowhere(admin_client: Client, talk: Talk, at: str) -> None:
    talk.say("Hello?", None)
    page = talk.page(admin_client, at=at, until="x")
    assert "Hello?" in page
    assert "to the current one" not in page


def test_a_long_session_takes_as_many_queries_as_a_short_one(admin_client: Client, talk: Talk) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            talk.page(admin_client)
        return len(asked)

    head: Message | None = None
    for number in range(2):
        head = talk.answer(talk.say(f"question {number}", head), "answer")
    few = queries()
    for number in range(30):
        head = talk.answer(talk.say(f"question {number}", head), "answer")
    assert queries() == few <= 10
