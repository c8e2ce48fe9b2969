"""What OpenAI's streams tell, event by event: one reader for each API, and the meaning of the vendor's error codes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from brains import connection
from brains.errors import BrainBusy, BrainError, BrainInterrupted, BrainQuotaExceeded, ContextTooLong
from brains.types import StopReason, Usage
from brains.wire import Event

DONE: Final = b"[DONE]"
"""The last event of Chat Completions."""

SPENT: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
TOO_LONG: Final = frozenset({"context_length_exceeded", "string_above_max_length"})
BUSY: Final = frozenset({"rate_limit_exceeded", "server_is_overloaded", "slow_down", "overloaded_error"})
REFUSALS: Final = frozenset(
    {"invalid_prompt", "content_filter", "content_policy_violation", "bio_policy", "misalignment_policy_violation"}
)
"""Codes of errors by which the vendor declines what was asked."""

FINISHES: Final[Mapping[str, StopReason]] = {"length": "truncated", "content_filter": "refused"}

# Compatible servers seldom have the code.
_LONG_WORDS = re.compile(r"(maximum )?context (length|window|size)|prompt is too long|too many tokens", re.IGNORECASE)


class Reply(ABC):
    """What has been told so far: whether there was text, why it ended, whether all has been told, what it cost."""

    __slots__ = ("ended", "refused", "said", "stop", "usage")

    def __init__(self) -> None:
        self.said = False
        self.refused = False
        self.stop: StopReason | None = None
        self.ended = False
        self.usage: Usage | None = None

    def take(self, event: Event) -> str:
        """The text of an event, empty for most kinds. Raises a BrainError for an event that tells of one."""
        if event.data == DONE:
            self.ended = True
            return ""
        return self.read(connection.parsed(event.data))

    def refuse(self) -> None:
        """The vendor declined by an error."""
        self.refused, self.stop, self.ended = True, "refused", True

    @property
    def finished(self) -> bool:
        """Whether the vendor has said why the reply ended."""
        return self.stop is not None

    @abstractmethod
    def read(self, data: dict[str, Any]) -> str:
        """The text of an event's object, empty for most kinds."""

    def _text(self, value: object) -> str:
        if isinstance(value, str) and value:
            self.said = True
            return value
        return ""

    def _finish(self, stop: StopReason) -> None:
        self.stop = "refused" if self.refused else stop

    def _fail(self, error: dict[str, Any]) -> None:
        told = error.get("code") or error.get("type")
        code = told if isinstance(told, str | int) else ""
        if code in REFUSALS:
            self.refuse()
            return
        cause = connection.ErrorEvent(code if code in SPENT | TOO_LONG | BUSY else "another code")
        if self.said:
            raise BrainInterrupted from cause
        status = code if isinstance(code, int) else 500
        raise meaning(status, code, str(error.get("message")), {}) from cause


class ResponsesReply(Reply):
    """The Responses API. Reasoning, tools and what is not known are passed over."""

    __slots__ = ()

    def read(self, data: dict[str, Any]) -> str:
        match data.get("type"):
            case "response.output_text.delta":
                return self._text(data.get("delta"))
            case "response.refusal.delta" | "response.refusal.done":
                self.refused = True
            case "response.completed":
                self._end(data, "complete")
            case "response.incomplete":
                details = connection.inner(connection.inner(data, "response"), "incomplete_details")
                self._end(data, "refused" if details.get("reason") == "content_filter" else "truncated")
            case "response.failed":
                self._fail(connection.inner(connection.inner(data, "response"), "error"))
            case "error":
                self._fail(connection.inner(data, "error") or data)
        return ""

    def _end(self, data: dict[str, Any], stop: StopReason) -> None:
        self._finish(stop)
        self.ended = True
        usage = connection.inner(connection.inner(data, "response"), "usage")
        self.usage = _usage(usage, "input_tokens", "output_tokens", "input_tokens_details")


class ChatReply(Reply):
    """Chat Completions, as OpenAI and others speak it: content may be null, usage and `[DONE]` may be missing."""

    __slots__ = ()

    def read(self, data: dict[str, Any]) -> str:
        if data.get("error"):
            self._fail(connection.inner(data, "error"))
            return ""
        if data.get("usage"):
            usage = connection.inner(data, "usage")
            self.usage = _usage(usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details")
        choices = data.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return ""
        delta = connection.inner(choices[0], "delta")
        text = self._text(delta.get("content"))
        if delta.get("refusal"):
            self.refused = True
        if finish := choices[0].get("finish_reason"):
            self._finish(FINISHES.get(str(finish), "complete"))
        return text


def meaning(status: int, code: object, words: str, headers: Mapping[str, str]) -> BrainError:
    """Most specific first. The vendor's words decide, and go no further."""
    if code in SPENT:
        return BrainQuotaExceeded()
    if code in TOO_LONG or (status == 400 and _LONG_WORDS.search(words)):
        return ContextTooLong()
    if code in BUSY:
        return BrainBusy(retry_after=connection.retry_after(headers))
    return connection.by_status(status, headers)


def _usage(usage: dict[str, Any], taken: str, given: str, details: str) -> Usage | None:
    """None where the server counts nothing."""
    counts = [usage.get(taken), usage.get(given)]
    if not all(isinstance(count, int) for count in counts):
        return None
    cache = connection.inner(usage, details)
    read, written = cache.get("cached_tokens"), cache.get("cache_write_tokens")
    return Usage(
        usage[taken], usage[given], read if isinstance(read, int) else 0, written if isinstance(written, int) else 0
    )
