"""What holds now before what held then: of statements that answer a question alike, the newer goes first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recalled:
    """A message that was found; `score` compares within one recall only, `itself` is the part of what the message says itself."""

    message: UUID
    session: UUID
    role: str
    text: str
    at: datetime
    score: float
    itself: float


ITSELF = 5.0
"""How much what a message says itself adds to its score, where what holds now is asked for: who tells how things are with them
says it in one message, whatever is said around it."""

OTHER_WORDS = 2
"""What a kind of things counts there, beside a word: what has changed is told in other words."""

COACH = 0.5
"""What a coach's message counts there: users know best how things are with them."""

NEWS = 1 / 6
"""What words of change add there, as a share of the best score."""

ALIKE = 0.1
"""How much of what an older statement says itself about the question a newer one has to say, to stand for it."""

SUCCESSORS = 4
"""Newer statements that one may bring before itself: with it they are the first five."""

PAST = re.compile(
    r"\b(did|was|were|had|first|before|earlier|previous(?:ly)?|used to|ago|back then|history|originally|last (?:week|month|year)|"
    r"var|hadde|gjorde|først|før|tidligere|pleide|siden|forrige|i fjor)\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)

OWN = re.compile(
    r"\b(i|i'm|i've|my|me|mine|we|our|the (?:user|client|athlete|runner)(?:'s)?|current(?:ly)?|now|these days|nowadays|"
    r"at the moment|latest|still|jeg|"
    r"meg|min|mitt|mine|mi|vi|vår|bruker(?:en|ens)|klient(?:en|ens)|utøver(?:en|ens)|nå|nåværende|for tiden|fortsatt|siste)\b",
    re.IGNORECASE,
)

OF_COACH = re.compile(r"\b(you|your|yours|du|deg|din|ditt|dine)\b", re.IGNORECASE)

ADVICE = re.compile(
    r"\b(should|shall|ought|recommend\w*|suggest\w*|bør|burde|skal|anbefal\w*|foreslå\w*)\b", re.IGNORECASE
)
"""Who asks for advice wants the coach's words as well."""

NAMED = re.compile(r"(?<=\w )[A-ZÆØÅ][a-zæøå]+")

SPOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

CHANGED = frozenset(
    """
    now anymore nowadays instead finally lately recently switch switched change changed changing moved quit stopped started began
    become became cancelled dropped swapped replaced sold broke scrap over gone new since
    nå lenger fremover heller endelig nylig byttet endret sluttet begynt startet blitt ble flyttet kuttet droppet solgt ferdig ny
    nye nytt siden igjen
    """.split()  # noqa: SIM905 — a list of so many words is read as prose
)
CHANGED_PAIRS = frozenset(
    tuple(pair.split("-"))
    for pair in """
    no-longer no-more any-more these-days from-now from-here turns-out gave-up given-up back-to up-to up-from down-to down-from
    used-to have-just has-just ikke-mer i-stedet over-til opp-i oppe-i nede-i ned-i ned-på nede-på
    """.split()  # noqa: SIM905 — see above
)
"""Words, and words one after the other, with which people tell that something is not as it was."""


def asks_for_now(question: str) -> bool:
    """Whether a question is about how things are now with the user: not about the past, nor about the coach or someone who is
    named."""
    if PAST.search(question):
        return False
    return bool(OWN.search(question)) or not (NAMED.search(question) or OF_COACH.search(question))


def ranked(found: Sequence[Recalled], question: str) -> list[Recalled]:
    """The same by what they say themselves of how things are with the user, best first, newer statements before older ones."""
    coach = 1 if ADVICE.search(question) else COACH
    values = [(one.score + ITSELF * one.itself) * (1 if one.role == "user" else coach) for one in found]
    news = NEWS * max(values, default=0)
    valued = [
        replace(one, score=value + (news if _is_news(one) else 0)) for one, value in zip(found, values, strict=True)
    ]
    return newer_first(sorted(valued, key=lambda one: -one.score))


def newer_first(found: Sequence[Recalled]) -> list[Recalled]:
    """The same, best first, but that a user's statement comes after newer ones of theirs that say about as much."""
    result = dict[UUID, Recalled]()
    told = [one for one in found if one.role == "user" and one.itself > 0]
    for one in found:
        if one.message not in result and one.role == "user" and one.itself > 0:
            newer = [other for other in told if other.at.date() > one.at.date() and other.itself >= ALIKE * one.itself]
            newest = sorted(newer[:SUCCESSORS], key=lambda other: other.at, reverse=True)
            result |= {other.message: other for other in newest if other.message not in result}
        result.setdefault(one.message, one)
    return list(result.values())


def _is_news(one: Recalled) -> bool:
    if one.role != "user" or one.itself <= 0:
        return False
    said = SPOKEN.findall(one.text.casefold())
    return not (CHANGED.isdisjoint(said) and CHANGED_PAIRS.isdisjoint(pairwise(said)))
