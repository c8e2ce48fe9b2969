"""What the stub vendor is asked to do: one Scenario for one call."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, replace
from typing import Literal

Ending = Literal["complete", "sequence", "truncated", "context", "refused", "filtered", "tool", "pause"]

WORDS = ("steady", "breath", "and", "small", "steps", "carry", "you", "further", "than", "any", "sudden", "leap")

PIECE = 7
"""Characters of a delta of JSON."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Counts are of text deltas, times in seconds, None is never. The knobs are told in the package's docstring."""

    words: int = 8
    deltas: tuple[str, ...] = ()
    pace: float = 0
    wait: float = 0
    wait_headers: float = 0
    stop: Ending = "complete"
    status: int = 200
    error: str = "api_error"
    code: str = ""
    says: str = "The stub was told to fail: secret-vendor-text."
    retry_after: str = ""
    cut: int | None = None
    drop: int | None = None
    end: int | None = None
    stall: int | None = None
    hold: tuple[int, ...] = ()
    fail: int | None = None
    newline: str = "\n"
    odd: frozenset[str] = field(default_factory=frozenset)
    answer: object = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The reply's deltas."""
        if self.answer is not None:
            whole = json.dumps(self.answer, ensure_ascii=False)
            return tuple(whole[start : start + PIECE] for start in range(0, len(whole), PIECE))
        return self.deltas or tuple(f"{WORDS[n % len(WORDS)]} " for n in range(self.words))

    @property
    def text(self) -> str:
        return "".join(self.texts)


_NEWLINES = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def scenario_in(message: str, base: Scenario) -> Scenario:
    """`base`, changed by what stands in double brackets in the message: `[[words=50 pace=0.02 odd=bom,pings]]`."""
    found = re.search(r"\[\[(.*?)\]\]", message)
    if not found:
        return base
    kinds = {each.name: str(each.type) for each in fields(Scenario)}
    changes: dict[str, object] = {}
    for part in found[1].split():
        name, _, value = part.partition("=")
        changes[name] = _value(name, kinds[name], value)
    return replace(base, **changes)  # type: ignore[arg-type]


def _value(name: str, kind: str, value: str) -> object:
    if name == "odd":
        return frozenset(value.split(","))
    if name == "answer":
        return json.loads(value)
    if name == "newline":
        return _NEWLINES[value]
    if name == "deltas":
        return tuple(value.split("|"))
    if name == "hold":
        return tuple(map(int, value.split(",")))
    if kind.startswith("int"):
        return int(value)
    return float(value) if kind == "float" else value
