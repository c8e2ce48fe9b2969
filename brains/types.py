"""What goes into a brain and what comes out: values, without Django and without any SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Role: TypeAlias = Literal["user", "assistant"]

StopReason: TypeAlias = Literal["complete", "truncated", "refused"]
"""Why a reply ended: the brain had finished, an output or context limit was reached, the brain declined."""

MOST_TOKENS = 1_000_000_000
"""More than any turn has; its column holds twice as much."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the history; `text` is never blank. `aside` stands before it: context that the one who says it did not say."""

    role: Role
    text: str
    aside: str = ""

    @property
    def whole(self) -> str:
        """What a model reads."""
        return f"{self.aside}\n\n{self.text}" if self.aside else self.text


@dataclass(frozen=True, slots=True)
class Script:
    """What a persona says where no model thinks for it; data of the persona, read by the scripted brain.

    `replies` maps a topic to possible bodies of a reply; the words that tell a topic are data of the scripted brain,
    `other` serves every message without one. A text may hold `{about}`: the user's own words.
    """

    openers: tuple[str, ...] = ()
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a brain is given.

    `system` holds text blocks, the most stable first (vendors cache a prefix that does not change); `lines` alternate
    user, assistant, …, user: they begin and end with the user. With a `schema` (JSON Schema; of objects, all of whose
    properties are required and no others allowed) the reply is one JSON object that follows it, as text; one that ended
    otherwise than complete need not be whole. registry.follows_schema tells which brains can; the others refuse.
    """

    system: tuple[str, ...]
    lines: tuple[Line, ...]
    script: Script = field(default_factory=Script)
    schema: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply, never empty, without NUL and lone surrogates."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the vendor counted them; `input_tokens` includes those read from and written to its cache."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def storable(self) -> Usage:
        """The same, within what a column holds: no nonsense of a vendor's keeps a reply from being stored."""
        counts = (self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens)
        return self if all(0 <= one <= MOST_TOKENS for one in counts) else Usage(*map(_within, counts))


def _within(count: int) -> int:
    return max(0, min(count, MOST_TOKENS))


@dataclass(frozen=True, slots=True)
class Stop:
    """The reply's regular end."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class Answering:
    """The router's word on who thinks: sent before each brain that is tried. Of several, the last one counts."""

    alias: str
    model: str
    fallback: bool


BrainEvent: TypeAlias = TextDelta | Usage | Stop


class Brain(Protocol):
    """Thinks one reply aloud. Built once a process and alias, from the OPTIONS of its settings entry.

    A subclass takes `(alias: str, options: Mapping[str, object])` and raises `BrainMisconfigured` for options that it
    cannot use. It must be safe for any number of `think` calls at once.
    """

    alias: str
    model: str

    def think(self, prompt: Prompt) -> AsyncGenerator[BrainEvent, None]:
        """Yield any number of TextDelta, at most one Usage, and exactly one Stop, as the last; or raise a BrainError.

        A stream that ends without the vendor's stop reason raises. Closing the generator releases the connection.
        """
        ...

    async def probe(self) -> None:
        """Ask the vendor cheaply whether this brain would answer (a look at the model, no tokens); raise a BrainError if not."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...

    def deprecation(self) -> str | None:
        """What the installed SDK says against the model (a sentence), or None."""
        ...
