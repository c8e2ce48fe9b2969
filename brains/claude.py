"""Claude, by Anthropic's SDK: the Messages API, streamed.

The SDK sends the request and tells errors; the stream's bytes are read here, for its typed events cost several times the
CPU of all the rest (docs/decisions/0005-raw-streams.md).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anthropic
from anthropic import Omit, omit
from anthropic.resources.messages import DEPRECATED_MODELS
from anthropic.types import MessageParam, OutputConfigParam, TextBlockParam, ThinkingConfigParam

from brains import connection
from brains.errors import (
    BrainBusy,
    BrainError,
    BrainInterrupted,
    BrainMisconfigured,
    BrainQuotaExceeded,
    ContextTooLong,
)
from brains.options import Options
from brains.types import BrainEvent, Line, Prompt, Role, Stop, StopReason, TextDelta, Usage
from brains.wire import Event

STOPS: Final[Mapping[str, StopReason]] = {
    "end_turn": "complete",
    "stop_sequence": "complete",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
    "tool_use": "complete",  # no tool is ever offered; what was said stands
    "pause_turn": "complete",
}

# What keeps the first token early, by model (Anthropic's "Thinking" and "Effort" guides, November 2026): no thinking up
# front where it can be turned off, each model taking another word for that; little of it where it can't.
_UNTHINKING: Final = "disabled", "medium"
_BARELY_THINKING: Final = "adaptive", "low"
MANNERS: Final[Mapping[str, tuple[str, str]]] = {
    "claude-sonnet-5-5": ("between_tools", "medium"),
    "claude-haiku-5-5": _UNTHINKING,
    "claude-sonnet-5": _UNTHINKING,
    "claude-opus-5": _UNTHINKING,
    "claude-opus-5-5": _BARELY_THINKING,
    **{f"claude-{line}-{version}": _BARELY_THINKING for line in ("fable", "mythos") for version in ("5", "5-1", "5-2")},
}
THINKING: Final = ("disabled", "between_tools", "adaptive", "default")
EFFORTS: Final = ("low", "medium", "high", "xhigh", "max", "default")

# The vendor's error types (its "Errors" page) with the statuses that they come with, for errors told within a stream.
STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
SPENT: Final = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached"})
# These two have no code of their own, so their sentences are read; a sentence that changes makes a plainer error.
_SPENT_WORDS = re.compile(r"credit balance|usage limits?|spend(ing)? limit", re.IGNORECASE)
_LONG_WORDS = re.compile(r"prompt is too long|context (window|limit)|too many (input )?tokens", re.IGNORECASE)


class ClaudeBrain:
    """OPTIONS: model, api_key, base_url, connect_timeout (s), output_tokens, thinking, effort.

    `thinking` and `effort` are chosen by the model where they are not given; `default` sends none.
    """

    def __init__(self, alias: str, options: Mapping[str, object]) -> None:
        read = Options(alias, options)
        self.alias = alias
        self.model = read.required("model")
        manner = MANNERS.get(re.sub(r"-20\d{6}\Z", "", self.model), ("default", "default"))
        self._thinking = _thinking(read.one_of("thinking", THINKING, manner[0]))
        self._effort = _effort(read.one_of("effort", EFFORTS, manner[1]))
        self._output_tokens = int(read.number("output_tokens", 4096, least=1))
        self._client = anthropic.AsyncAnthropic(
            api_key=read.required("api_key"),
            base_url=read.url("base_url"),
            max_retries=0,
            open_telemetry=False,  # spans could carry what users say
            http_client=anthropic.DefaultAioHttpClient(
                timeout=connection.timeouts(read.number("connect_timeout", 5, least=0.01)),
                limits=connection.LIMITS,
                follow_redirects=False,
            ),
        )
        read.finish()
        # The SDK imports it at first sight: here in the thread that builds brains, not on the loop in a turn.
        self._messages = self._client.messages.with_streaming_response

    async def think(self, prompt: Prompt) -> AsyncGenerator[BrainEvent, None]:
        reply = _Reply()
        reader = connection.Reader(reply)
        try:
            async with connection.answered(self._asked(prompt)) as body:
                async for chunk in body:
                    if text := reader.read(chunk):
                        yield TextDelta(text)
                    if reader.over:
                        await reader.finish(body)
                        break
        except (anthropic.AnthropicError, *connection.FAILURES) as error:
            raise _translated(error, reply.said) from error
        if not reply.ended or reply.stop is None:
            raise BrainInterrupted
        yield reply.total
        yield Stop(reply.stop)

    def _asked(self, prompt: Prompt) -> AbstractAsyncContextManager[connection.Streamed]:
        return self._messages.create(
            model=self.model,
            max_tokens=self._output_tokens,
            system=_system(prompt.system),
            messages=_messages(prompt.lines),
            thinking=self._thinking,
            output_config=_output(self._effort, prompt.schema),
            stream=True,
        )

    async def probe(self) -> None:
        try:
            model = await self._client.models.retrieve(self.model)
        except (anthropic.AnthropicError, *connection.FAILURES) as error:
            raise _translated(error, said=False) from error
        if getattr(model, "lifecycle", "active") == "retired":
            raise BrainMisconfigured(f"The model {self.model} is retired.")

    async def close(self) -> None:
        await self._client.close()

    def deprecation(self) -> str | None:
        end = DEPRECATED_MODELS.get(self.model)
        return end and f"Anthropic's SDK calls {self.model} deprecated; it ends on {end}."


class _Reply:
    """What the stream's events have told so far."""

    __slots__ = ("_usage", "ended", "said", "stop")

    def __init__(self) -> None:
        self.said = False
        self.stop: StopReason | None = None
        self.ended = False
        self._usage: dict[str, Any] = {}

    def take(self, event: Event) -> str:
        """The text of an event, empty for most kinds. Thinking, tools and what is not known are passed over."""
        if event.type == b"ping":
            return ""
        data = connection.parsed(event.data)
        kind = data.get("type")
        if kind == "content_block_delta":
            return self._text(data.get("delta"), "text_delta")
        if kind == "content_block_start":
            return self._text(data.get("content_block"), "text")
        if kind == "message_start":
            self._count(connection.inner(data, "message"))
        elif kind == "message_delta":
            self._count(data)
            reason = connection.inner(data, "delta").get("stop_reason")
            if isinstance(reason, str):
                self.stop = STOPS.get(reason, "complete")
        elif kind == "message_stop":
            self.ended = True
        elif kind == "error":
            self._fail(connection.inner(data, "error"))
        return ""

    @property
    def total(self) -> Usage:
        count = {name: value for name, value in self._usage.items() if isinstance(value, int)}
        read, written = count.get("cache_read_input_tokens", 0), count.get("cache_creation_input_tokens", 0)
        # The vendor leaves what its cache read and wrote out of input_tokens.
        return Usage(count.get("input_tokens", 0) + read + written, count.get("output_tokens", 0), read, written)

    def _text(self, block: object, kind: str) -> str:
        if isinstance(block, dict) and block.get("type") == kind:
            text = block.get("text")
            if isinstance(text, str) and text:
                self.said = True
                return text
        return ""

    def _count(self, holder: dict[str, Any]) -> None:
        usage = connection.inner(holder, "usage")
        self._usage.update({name: value for name, value in usage.items() if value is not None})

    def _fail(self, error: dict[str, Any]) -> None:
        kind = str(error.get("type"))
        cause = connection.ErrorEvent(kind if kind in STATUSES else "another type")
        if self.said:
            raise BrainInterrupted from cause
        code = str(connection.inner(error, "details").get("error_code"))
        raise _meaning(STATUSES.get(kind, 500), code, str(error.get("message")), {}) from cause


def _system(blocks: tuple[str, ...]) -> list[TextBlockParam] | Omit:
    """The blocks, with breakpoints of the vendor's cache after the first, which many sessions share, and after the last."""
    texts = [text for text in blocks if text.strip()]
    system: list[TextBlockParam] = [{"type": "text", "text": text} for text in texts]
    for block in system[:1] + system[-1:]:
        block["cache_control"] = {"type": "ephemeral"}
    return system or omit


def _messages(lines: tuple[Line, ...]) -> list[MessageParam]:
    """The lines, with a breakpoint after the history: the next turn begins with the same lines and finds it."""
    messages = [_message(line.role, line.whole) for line in lines]
    if len(lines) > 1:
        cached: TextBlockParam = {"type": "text", "text": lines[-2].text, "cache_control": {"type": "ephemeral"}}
        messages[-2] = _message(lines[-2].role, [cached])
    return messages


def _message(role: Role, content: str | list[TextBlockParam]) -> MessageParam:
    match role:
        case "user":
            return {"role": "user", "content": content}
        case "assistant":
            return {"role": "assistant", "content": content}


def _thinking(kind: str) -> ThinkingConfigParam | Omit:
    match kind:
        case "disabled":
            return {"type": "disabled"}
        case "between_tools":
            return {"type": "between_tools"}
        case "adaptive":
            return {"type": "adaptive", "display": "omitted"}
    return omit


def _effort(level: str) -> OutputConfigParam | Omit:
    match level:
        case "low" | "medium" | "high" | "xhigh" | "max":
            return {"effort": level}
    return omit


def _output(effort: OutputConfigParam | Omit, schema: Mapping[str, object] | None) -> OutputConfigParam | Omit:
    """The vendor's structured outputs, where a schema is given."""
    if schema is None:
        return effort
    config: OutputConfigParam = {"format": {"type": "json_schema", "schema": dict(schema)}}
    return config if isinstance(effort, Omit) else {**effort, **config}


def _translated(error: BaseException, said: bool) -> BrainError:
    match error:
        case anthropic.APIStatusError(status_code=status):
            return _meaning(status, error.error_code, error.api_message or "", error.response.headers)
        case anthropic.CredentialsError():
            return BrainMisconfigured()
    return connection.by_failure(error, said)


def _meaning(status: int, code: str | None, words: str, headers: Mapping[str, str]) -> BrainError:
    """Most specific first. The vendor's words decide, and go no further."""
    if code in SPENT or (status in (400, 403, 429) and _SPENT_WORDS.search(words)):
        return BrainQuotaExceeded()
    if status == 400 and _LONG_WORDS.search(words):
        return ContextTooLong()
    if code == "ramp_limit_exceeded":
        return BrainBusy(retry_after=connection.retry_after(headers))
    return connection.by_status(status, headers)
