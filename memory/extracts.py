"""A summary without a model: the sentences that say most about the user, in their order. The same text always gives the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chat.prompts import Utterance, exchanges
from memory.analysis import spoken
from memory.kinds import kinds
from memory.quoting import SENTENCE, flat

OURS = re.compile(r"\b(i|i'm|i've|my|me|mine|we|our|jeg|meg|min|mitt|mine|mi|vi|vår|oss)\b", re.I)
LONGEST = 240
"""Characters of a sentence."""

NEWER = 1.1
"""How much more a new sentence is worth than one that is in the summary already."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the summary; `worth` orders those that compete for its room, `place` those that are in it."""

    text: str
    worth: float
    place: int


def extract(before: str, said: Sequence[Utterance], most: int) -> str:
    """Lines of at most `most` characters together: the best of the earlier summary's and of what was said since."""
    notes = [Note(line, _worth(line), place) for place, line in enumerate(filter(None, before.split("\n")))]
    notes += [Note(line, _worth(line) * NEWER, len(notes) + place) for place, line in enumerate(_lines(said))]
    chosen, room, seen = list[Note](), most, set[str]()
    for note in sorted(notes, key=lambda note: (-note.worth, -note.place)):
        if note.worth > 0 and len(note.text) < room and note.text not in seen:
            chosen.append(note)
            seen.add(note.text)
            room -= len(note.text) + 1
    return "\n".join(note.text for note in sorted(chosen, key=lambda note: note.place))


def _lines(said: Sequence[Utterance]) -> Iterator[str]:
    for exchange in exchanges(said):
        for speaker, text in (("User", exchange.said), ("Coach", exchange.replied)):
            for sentence in SENTENCE.split(text):
                if line := flat(sentence, LONGEST):
                    yield f"{speaker}: {line}"


def _worth(line: str) -> float:
    """The user's own words, numbers, and what concepts.txt knows count; questions and interjections do not."""
    speaker, _, sentence = line.partition(": ")
    said = spoken(sentence)
    if len(said) < 3:
        return 0.0
    worth = min(3, len({kind for word in said for kind in kinds(word)})) + 2.0 * any(map(str.isdigit, sentence))
    if speaker == "User":
        worth += 1 + bool(OURS.search(sentence))
    return worth / 3 if sentence.endswith("?") else worth
