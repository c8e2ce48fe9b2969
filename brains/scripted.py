"""A brain without a model: it answers from scripts, needs no key and no network, and says the same to the same.

Whoever speaks brings a Script; what that lacks, and the words by which a topic is known, are in scripted.json.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from brains.errors import BrainMisconfigured
from brains.options import Options
from brains.pacing import pacer
from brains.types import BrainEvent, Prompt, Script, Stop, TextDelta, Usage

OTHER: Final = "other"
ABOUT_LENGTH: Final = 80
"""Characters of the user's words that a reply repeats."""
CHARS_PER_TOKEN: Final = 4


TOPIC_LENGTH: Final = 2_000
"""Characters of a message in which its topic is looked for."""


class Lore(NamedTuple):
    """What scripted.json holds: how to know a topic, and a script for whoever lacks one.

    Topics in `bare` want no opener. One in `alone` is too serious for opener and closer, and for any other topic beside it.
    """

    topics: Mapping[str, re.Pattern[str]]
    bare: frozenset[str]
    alone: frozenset[str]
    script: Script


class ScriptedBrain:
    """OPTIONS: words_per_second; 0 says all at once, still word by word. A prompt with a schema is refused."""

    def __init__(self, alias: str, options: Mapping[str, object]) -> None:
        read = Options(alias, options)
        self.alias = alias
        self.model = "scripted"
        self._pace = read.number("words_per_second", 20)
        read.finish()
        lore()

    async def think(self, prompt: Prompt) -> AsyncGenerator[BrainEvent, None]:
        if prompt.schema is not None:
            raise BrainMisconfigured(f"The brain {self.alias} has scripts alone: it cannot answer by a schema.")
        text = reply(prompt)
        pace = pacer()
        begun = asyncio.get_running_loop().time()
        for number, word in enumerate(re.findall(r"\S+\s*", text)):
            # Against a plan, not against the last word: pauses that add up would slow it.
            await pace.until(begun + number / self._pace if self._pace else 0)
            yield TextDelta(word)
        given = sum(map(len, prompt.system)) + sum(len(line.whole) for line in prompt.lines)
        yield Usage(_tokens(given), _tokens(len(text)))
        yield Stop("complete")

    async def probe(self) -> None:
        """It is always well."""

    async def close(self) -> None:
        """It holds nothing."""

    def deprecation(self) -> str | None:
        return None


@cache
def lore() -> Lore:
    """scripted.json, read once."""
    data = json.loads(Path(__file__).with_name("scripted.json").read_text(encoding="utf-8"))
    script = data["script"]
    return Lore(
        topics={topic: _pattern(words) for topic, words in data["topics"].items()},
        bare=frozenset(data["bare"]),
        alone=frozenset(data["alone"]),
        script=Script(
            openers=tuple(script["openers"]),
            replies={topic: tuple(texts) for topic, texts in script["replies"].items()},
            closers=tuple(script["closers"]),
        ),
    )


def topic_of(message: str) -> str:
    """A serious topic that has any word in a message, else the one with most; of equals the first in scripted.json; or OTHER."""
    words = " ".join(re.findall(r"[\w'-]+", message[:TOPIC_LENGTH].casefold()))
    counts = {topic: len(pattern.findall(words)) for topic, pattern in lore().topics.items()}
    serious = lore().alone
    best = max(counts, key=lambda topic: (topic in serious and counts[topic] > 0, counts[topic]))
    return best if counts[best] else OTHER


def reply(prompt: Prompt) -> str:
    """The reply to the last line: opener, body, closer; another one at each turn, and always the same for the same lines."""
    message = prompt.lines[-1].text
    turn = sum(line.role == "user" for line in prompt.lines) - 1
    ours, default = prompt.script, lore().script
    seed = "\0".join((prompt.lines[0].text, *ours.openers[:1]))
    topic = topic_of(message)
    opener = _chosen(ours.openers or default.openers, seed, "opener", turn)
    body = _chosen(_bodies(ours, default, topic), seed, "body", turn).replace("{about}", _about(message))
    closer = _chosen(ours.closers or default.closers, seed, "closer", turn)
    if topic in lore().alone:
        return body.strip()
    parts = (body, closer) if topic in lore().bare else (opener, body, closer)
    return " ".join(part.strip() for part in parts if part.strip())


def _bodies(ours: Script, default: Script, topic: str) -> Sequence[str]:
    """The speaker's own words before those for all."""
    for replies in (ours.replies, default.replies):
        if texts := replies.get(topic) or replies.get(OTHER):
            return texts
    return default.replies[OTHER]


def _chosen(texts: Sequence[str], seed: str, part: str, turn: int) -> str:
    """The next text at each turn; where it begins depends on the conversation's first line."""
    digest = blake2b(f"{part}\0{seed}".encode("utf-8", "replace"), digest_size=4).digest()
    return texts[(int.from_bytes(digest) + turn) % len(texts)]


def _about(message: str) -> str:
    """The beginning of what the user wrote, on one line, as it can stand in quotes."""
    plain = " ".join(re.split(r"(?<=[.!?])\s", message.strip(), maxsplit=1)[0].split()).strip("“”\"'").rstrip(".!?,;: ")
    if len(plain) > ABOUT_LENGTH:
        plain = (plain[:ABOUT_LENGTH].rpartition(" ")[0] or plain[:ABOUT_LENGTH]) + " …"
    return plain or "…"


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Any of the words, whole; one that ends in * with whatever follows."""
    choices = (re.escape(word.casefold()).replace(r"\*", r"[\w'-]*") for word in words)
    return re.compile(rf"(?<![\w'-])(?:{'|'.join(choices)})(?![\w'-])")


def _tokens(characters: int) -> int:
    return max(1, characters // CHARS_PER_TOKEN)
