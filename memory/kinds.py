"""Kinds of things that words mean, by memory/concepts.txt; and what Norwegian compounds are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

ENDINGS = ("ings", "ing", "ene", "ers", "ies", "es", "ed", "er", "en", "et", "ne", "te", "s", "d", "r", "a", "n", "t")
NOUN_ENDINGS = ("er", "ers", "en", "et")  # after less than four letters rather a part of the word (Peter)

LONGEST_PHRASE = 4
"""Words."""

# What Norwegian words of coaching are put together of, without parts of which English words could be made (car-pet).
# Between two of them may stand an s or an e.
HEADS = tuple(
    """
    arbeids bak bein blod blodtrykks bryst by dag fjell forsvars fot fotball frokost halv handled helge hjerte hofte hus
    hverdags hvile høyre intervall jobb kar klatre kne knebøy kondisjons konkurranse kor korsrygg kveld kvelds lang legg
    lunsj lår løpe løps mage markløft mat middag mil mobil morgen muskel nakke natt rolig rulleski rygg sen senebetennelse
    skade ski skjerm skole skulder sommer stang storby styrke svømme sykkel søvn test topp trenings uke vann vekt venstre
    vinter økonomi øvelses
    """.split()  # noqa: SIM905 — a list of so many words is read as prose
)
TAILS = tuple(
    """
    avtale betennelse dag dagen dagene dager dose drakt frokost fysioterapeut gruppe jobb jobben klokke klubb klubben
    konkurranse konkurransen lege lengde lærer løft løp løpet medisin medisinene medisiner middag mål målene målet måltid
    opphold opptrening pause plagen plagene plager plan planen press problem problemene problemer program puls pulsen rekord
    rutine skade skaden skadene skader sko skoene skritt smerte smerten smertene smerter studio tablett tablettene tabletter
    tempo tid tiden time timene timer trener trening treninga treningen trykk trykket tur turen turene turer vane vanene
    vaner vekt vekter vondt økt økta økten øktene økter øvelse øvelsen øvelsene øvelser
    """.split()  # noqa: SIM905 — see above
)


@lru_cache(maxsize=65_536)
def kinds(word: str) -> tuple[str, ...]:
    """The kinds of things that a word may mean; its endings are tried away, then what it is put together of."""
    known, _ = _concepts()
    for form in _forms(word):
        if form in known:
            return known[form]
    return tuple(dict.fromkeys(kind for part in parts(word) for kind in kinds(part)))


def kinds_of(words: Sequence[str]) -> Iterator[str]:
    """The kinds of words that follow each other: of each word, and of each phrase; a kind as often as it is said."""
    for word in words:
        yield from kinds(word)
    yield from phrases(words)


def phrases(words: Sequence[str]) -> Iterator[str]:
    """The kinds of phrases within words that follow each other."""
    known, begins = _concepts()
    for place, word in enumerate(words):
        for phrase in _forms(word):
            if phrase not in begins:
                continue
            for follower in words[place + 1 : place + LONGEST_PHRASE]:
                phrase = f"{phrase}-{follower}"
                yield from known.get(phrase, ())


@lru_cache(maxsize=65_536)
def parts(word: str) -> tuple[str, ...]:
    """What a Norwegian compound is put together of: its head and its tail; nothing for any other word."""
    for tail in TAILS:
        if word.endswith(tail):
            head = word.removesuffix(tail)
            for form in (head, head.removesuffix("s"), head.removesuffix("e")):
                if form in HEADS:
                    return form, tail
    return ()


def _forms(word: str) -> Iterator[str]:
    """A word, and what it may be without its ending."""
    yield word
    for ending in ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= (4 if ending in NOUN_ENDINGS else 3):
            yield from (stem, stem + "e", stem + "y")
            if stem[-1] == stem[-2]:
                yield stem[:-1]


@cache
def _concepts() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Kinds by word, or by phrase; the first words of phrases."""
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("concepts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, _, members = line.partition(": ")
            for word in members.split():
                if kind not in found.setdefault(word, []):
                    found[word].append(kind)
    begins = frozenset(word.partition("-")[0] for word in found if "-" in word)
    return {word: tuple(named) for word, named in found.items()}, begins
