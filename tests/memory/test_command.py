"""manage.py memory bench."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from django.core.management import call_command

from identity.models import Owner
from memory.models import Passage

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SESSION = {
    "id": "S1",
    "at": "1:56 pm on 8 May, 2023",
    "messages": [
        {"id": "D1:1", "role": "assistant", "speaker": "Coach", "text": "How was the swim?"},
        {"id": "D1:2", "role": "user", "speaker": "Kari", "text": "I swam two kilometres in the fjord yesterday."},
        {"id": "D1:2", "role": "user", "speaker": "Kari", "text": "I swam two kilometres in the fjord yesterday."},
    ],
}


def asked(monkeypatch: pytest.MonkeyPatch, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(json.dumps(one) for one in operations)))
    call_command("memory", "bench", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = {"op": "ingest", "user": "u", "sessions": [SESSION]}
    recall = {"op": "recall", "user": "u", "query": "Where did Kari swim?", "k": 5}
    answers = asked(monkeypatch, ingest, ingest, recall, {**recall, "user": "other"}, {"op": "export", "user": "u"})
    assert answers[0] == answers[1] == {"ok": True}
    assert answers[2]["items"][0]["source_ids"] == ["D1:2"]
    assert answers[3] == {"items": []}
    assert [item["source_ids"] for item in answers[4]["items"]] == [["D1:1"], ["D1:2"]]
    assert Passage.objects.count() == 2
    answers = asked(monkeypatch, {"op": "forget", "user": "u"}, recall, {"op": "export", "user": "u"})
    assert answers == [{"ok": True}, {"items": []}, {"items": []}]
    assert not Owner.objects.filter(external_id="u").exists()
