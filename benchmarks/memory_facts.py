"""What recall finds of the coaching sets, through the operations of `manage.py memory bench`. Needs Django and a database."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import coaching
from identity.models import Owner
from memory import bench, recall

FIRST = 5
"""Results among which what holds now has to be."""

QUOTES = 8
"""Messages that a prompt is told at most."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Of `asked` questions: how often the newer statement is among the first, and how often the older one above it."""

    asked: int
    new_in_first: int
    old_above: int


@dataclass(frozen=True, slots=True)
class Prompted:
    """Of `related` messages, how many are told their evidence; of `unrelated` ones, how many are told nothing."""

    related: int
    with_evidence: int
    unrelated: int
    untold: int


def told(of: str, language: str) -> str:
    """Have a set's conversations remembered; the user's name."""
    user = f"{of} {language}"
    sessions = [
        {
            "id": str(number),
            "at": f"{one.at:%Y-%m-%d %H:%M}",
            "messages": [
                {"id": f"{number}.{place}.{role}", "role": role, "text": text}
                for place, pair in enumerate(one.said)
                for role, text in zip(("user", "assistant"), pair, strict=True)
            ],
        }
        for number, one in enumerate(coaching.conversations(language, of))
    ]
    bench.forget({"user": user})
    bench.ingest({"user": user, "language": language, "sessions": sessions})
    return user


def changed(user: str, of: str, language: str) -> Changed:
    """All questions of a set, as a user and as a coach asks them."""
    asked = new_in_first = old_above = 0
    for change in coaching.changes(language, of):
        for question in change.questions:
            wanted = {"user": user, "query": question, "k": 20, "at": f"{coaching.END:%Y-%m-%d %H:%M}"}
            texts = [item["text"] for item in bench.recalled(wanted)["items"]]
            old, new = (texts.index(text) if text in texts else len(texts) for text in (change.old, change.new))
            asked += 1
            new_in_first += new < FIRST
            old_above += old < new
    return Changed(asked, new_in_first, old_above)


def prompted(user: str, language: str) -> Prompted:
    """The lines of the third set's user, and that set's questions, whose evidence is either statement."""
    owner = Owner.objects.get(app=bench.APP, external_id=user).pk
    wanted = [(line.text, [line.evidence] if line.evidence else []) for line in coaching.lines(language)]
    wanted += [(asked, [one.old, one.new]) for one in coaching.changes(language, "third") for asked in one.questions]
    related = with_evidence = unrelated = untold = 0
    for text, evidence in wanted:
        values = recall.values_of(owner, text, coaching.END, QUOTES, gate=recall.GATE)
        found = [one.text.casefold() for one in recall.recalled(recall.rows(values), text, QUOTES)]
        if evidence:
            related += 1
            with_evidence += any(each.casefold() in said for each in evidence for said in found)
        else:
            unrelated += 1
            untold += not found
    return Prompted(related, with_evidence, unrelated, untold)
