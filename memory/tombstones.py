"""What its owner deleted does not come back from the same words. Of these a digest is kept, no text."""

from __future__ import annotations

import hashlib

from django.db.models import Q

from memory.analysis import spoken
from memory.models import Fact, Tombstone
from memory.quoting import SENTENCE


def around(text: str, quote: str) -> str:
    """The whole sentences of a text that a quote from it touches; the quote itself where it is not in the text."""
    at = text.find(quote) if quote else -1
    if at < 0:
        return quote
    start, found = 0, list[str]()
    for sentence in SENTENCE.split(text):
        begin = text.index(sentence, start)
        start = begin + len(sentence)
        if begin < at + len(quote) and start > at:
            found.append(sentence)
    return " ".join(found)


def digest(owner: int, said: str) -> str:
    """SHA-256 of an owner's words, in hex: neither case nor punctuation counts."""
    return hashlib.sha256("\0".join((str(owner), *spoken(said))).encode()).hexdigest()


def bury(fact: Fact) -> None:
    """Remember the words that a fact came from."""
    said = around(fact.message.text, fact.quote) if fact.message else fact.quote or fact.text
    Tombstone.objects.get_or_create(
        owner_id=fact.owner_id, kind=fact.kind, slot=fact.slot, digest=digest(fact.owner_id, said)
    )


def is_buried(owner: int, kind: str, slot: str, said: str) -> bool:
    """Whether a fact of that kind was deleted that came from these words; a fact in another slot is another one."""
    same = Tombstone.objects.filter(owner=owner, kind=kind, digest=digest(owner, said))
    return same.filter(Q(slot=slot) | Q(slot="")).exists() if slot else same.exists()
