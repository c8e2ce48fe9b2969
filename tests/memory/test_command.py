"""manage.py memory."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chat.models import Status
from identity.models import Owner
from memory import finding, indexing, profiles
from memory.models import Census, Fact, Lesson, Passage, Posting
from tests.memory.conversations import ENGLISH, NORWEGIAN, TALKERS, owner, remembered, told
from tests.memory.talks import fact, talk

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


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("memory", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_stats_count_what_is_kept_and_what_waits() -> None:
    whose = remembered("kari", ENGLISH)
    profiles.consent(whose.pk, health=True)
    profiles.pause(owner("ola").pk)
    fact(whose, "Runs a marathon.", kind="goal")
    said = talk(whose, ("I like tea.", "Me too."), ("And coffee.", "Hm."))
    Lesson.objects.create(turn_id=said[1].id, owner=whose)
    lines = [line.split() for line in run("stats").splitlines()]
    assert ["paused", "1"] in lines
    assert ["profiles", "2"] in lines
    assert ["passages", str(Passage.objects.count())] in lines
    assert ["goal", "1", "0"] in lines
    assert ["injury", "0", "0"] in lines
    assert run("stats").splitlines()[-1] == "turns found until never; 1 to find, 1 to draw facts from"
    finding.find(100)
    assert "; 0 to find, 2 to draw facts from" in run("stats")


def test_stats_stand_in_columns() -> None:
    table = run("stats").split("\n\n")[0].splitlines()
    assert {line[len(line.rstrip("0123456789")) - 1] for line in table[1:]} == {" "}
    assert len({line.index(line.split()[-1]) for line in table if line.strip()}) == 1


def test_recall_shows_what_a_message_brings_back_best_first() -> None:
    remembered("kari", ENGLISH)
    lines = run("recall", "kari", "Which pet do I have?", "--most", "3").splitlines()
    assert lines[0].split() == ["score", "said", "at", "by", "message", "text"]
    assert len(lines) <= 4
    assert "kitten" in lines[1]
    assert "user" in lines[1]
    assert run("recall", "kari", "quantum chromodynamics") == "Nothing is recalled.\n"


def test_export_writes_json(tmp_path: Path) -> None:
    whose = owner("kari")
    fact(whose, "Likes æble.", talk(whose, ("Jeg liker æble.", "Godt!"))[0])
    told_of = json.loads(run("export", "kari"))
    assert told_of["facts"][0]["source"]["quote"] == "Jeg liker æble."
    file = tmp_path / "kari.json"
    assert run("export", "kari", "-o", str(file)) == ""
    written = json.loads(file.read_text(encoding="utf-8"))
    assert {**written, "exported_at": ""} == {**told_of, "exported_at": ""}
    with pytest.raises(CommandError, match="cannot be written"):
        run("export", "kari", "-o", str(tmp_path / "nowhere" / "file"))


def test_forget_a_topic_and_all() -> None:
    whose = remembered("kari", ENGLISH)
    fact(whose, "Has a kitten.")
    assert run("forget", "kari", "--topic", "pets") == "forgotten: 1 facts; 1 messages are recalled no more\n"
    left = Passage.objects.count()
    assert run("forget", "kari", "--all") == f"forgotten: 0 facts; {left} messages are recalled no more\n"
    assert not Passage.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["recall", "nobody", "tea"], "no user 'nobody'"),
        (["recall", "kari", "tea", "--app", "other"], "no user 'kari' of 'other'"),
        (["recall", "kari", "tea", "--most", "0"], "--most"),
        (["export", "nobody"], "no user 'nobody'"),
        (["forget", "nobody", "--all"], "no user 'nobody'"),
        (["forget", "kari", "--topic", "the"], "topic: "),
        (["forget", "kari"], "--topic"),
        (["forget", "kari", "--topic", "tea", "--all"], "--topic"),
        (["reindex"], "--all"),
        (["reindex", "kari", "--all"], "--all"),
        (["reindex", "nobody"], "no user 'nobody'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    owner("kari")
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


def postings(whose: Owner) -> list[tuple[str, int, int]]:
    rows = Posting.objects.filter(owner=whose).order_by("term", "chunk")
    return [(row.term, row.chunk, len(row.hits)) for row in rows]


def test_an_index_that_is_made_anew_is_the_same() -> None:
    whose = owner("kari")
    for day, texts in ENGLISH.items():
        talk(whose, *zip(texts[::2], texts[1::2], strict=False), at=day)
    finding.find(100)
    before = postings(whose)
    assert before
    assert run("reindex", "kari") == f"kari: {Passage.objects.count()} messages\n"
    assert postings(whose) == before
    assert run("reindex", "kari") == f"kari: {Passage.objects.count()} messages\n"


def test_what_may_not_be_remembered_stays_out_of_a_new_index() -> None:
    whose = owner("kari")
    talk(whose, ("I adopted a kitten.", "How lovely!"), ("I like tea.", "Me too."))
    talk(whose, ("I like coffee.", "Hm."), temporary=True)
    finding.find(100)
    profiles.forget_topic(whose, "kitten")
    run("reindex", "kari")
    assert set(Passage.objects.values_list("message__text", flat=True)) == {"How lovely!", "I like tea.", "Me too."}
    profiles.forget_all(whose)
    assert run("reindex", "kari") == "kari: 0 messages\n"
    assert not Passage.objects.exists()


def test_a_language_that_was_told_later_counts_from_a_new_index_on() -> None:
    whose = owner("ola", "")
    indexing.index(whose.pk, told(whose, NORWEGIAN), "", TALKERS)
    talk(whose, ("Jeg er redd for bakkene.", "Da øver vi."))
    Owner.objects.update(language="nb")
    run("reindex", "ola")
    assert Census.objects.get().dictionary == "norwegian_stem"
    assert Posting.objects.filter(term="bakk").exists()


def test_all_are_made_anew_and_facts_are_drawn_again() -> None:
    kari, ola = owner("kari"), owner("ola")
    said = [talk(one, ("I like tea.", "Me too."))[1].id for one in (kari, ola)]
    talk(kari, ("Nobody hears this.", ""), status=Status.RUNNING)
    talk(kari, ("I like coffee.", "Hm."), temporary=True)
    finding.find(100)
    Lesson.objects.update(drawn=True)
    out = run("reindex", "--all", "--facts")
    assert out.splitlines() == [f"{name}: 2 messages; facts will be drawn from 1 turns" for name in ("kari", "ola")]
    assert set(Lesson.objects.filter(drawn=False).values_list("turn", flat=True)) == set(said)
    assert Fact.objects.count() == 0
