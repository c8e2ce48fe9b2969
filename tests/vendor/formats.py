"""The three wire formats, frame by frame, as the vendors' API references (November 2026) show a streamed reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.vendor.scenarios import Ending, Scenario

THOUGHT = "secret-thought"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event; `text` marks those that pacing and counting see."""

    event: str
    data: str
    text: bool = False


Format = Callable[[Scenario, str], Iterator[Frame]]


def _dumps(data: object, odd: frozenset[str]) -> str:
    return json.dumps(data, ensure_ascii="ascii" in odd, separators=(",", ":"))


def _given(scenario: Scenario) -> int:
    return 10**30 if "overcounted" in scenario.odd else len(scenario.texts)


# --- Anthropic Messages -------------------------------------------------------------------------------------------
_ANTHROPIC_STOPS: dict[Ending, str] = {
    "complete": "end_turn",
    "sequence": "stop_sequence",
    "truncated": "max_tokens",
    "context": "model_context_window_exceeded",
    "refused": "refusal",
    "filtered": "refusal",
    "tool": "tool_use",
    "pause": "pause_turn",
}


def anthropic(scenario: Scenario, model: str) -> Iterator[Frame]:
    odd = scenario.odd

    def frame(kind: str, counted: bool = False, /, **rest: Any) -> Frame:
        return Frame(kind, _dumps({"type": kind, **rest}, odd), counted)

    usage = {"input_tokens": 11, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    yield frame("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    index = 0
    if "thinking" in odd:
        thinking = {"type": "thinking", "thinking": "", "signature": ""}
        yield frame("content_block_start", index=index, content_block=thinking)
        yield frame("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": THOUGHT})
        yield frame("content_block_delta", index=index, delta={"type": "signature_delta", "signature": THOUGHT})
        yield frame("content_block_stop", index=index)
        redacted = {"type": "redacted_thinking", "data": THOUGHT}
        yield frame("content_block_start", index=index + 1, content_block=redacted)
        yield frame("content_block_stop", index=index + 1)
        index += 2
    yield frame("content_block_start", index=index, content_block={"type": "text", "text": ""})
    yield frame("ping")
    for number, text in enumerate(scenario.texts):
        if "twoblocks" in odd and number == 2:
            yield frame("content_block_stop", index=index)
            index += 1
            yield frame("content_block_start", index=index, content_block={"type": "text", "text": ""})
        yield frame("content_block_delta", True, index=index, delta={"type": "text_delta", "text": text})
    yield frame("content_block_stop", index=index)
    if scenario.stop in ("tool", "pause"):
        tool = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}
        yield frame("content_block_start", index=index + 1, content_block=tool)
        yield frame("content_block_delta", index=index + 1, delta={"type": "input_json_delta", "partial_json": '{"a":'})
        yield frame("content_block_stop", index=index + 1)
    delta = {"stop_reason": _ANTHROPIC_STOPS[scenario.stop], "stop_sequence": None}
    yield frame("message_delta", delta=delta, usage={"output_tokens": _given(scenario)})
    yield frame("message_stop")


# --- OpenAI Responses ---------------------------------------------------------------------------------------------
_INCOMPLETE: dict[Ending, str] = {
    "truncated": "max_output_tokens",
    "context": "max_output_tokens",
    "filtered": "content_filter",
}


def responses(scenario: Scenario, model: str) -> Iterator[Frame]:
    numbers = iter(range(10**9))

    def frame(kind: str, counted: bool = False, /, **rest: Any) -> Frame:
        data = {"type": kind, "sequence_number": next(numbers), **rest}
        return Frame(kind, _dumps(data, scenario.odd), counted)

    def whole(status: str, **rest: Any) -> dict[str, Any]:
        return {"id": "resp_1", "object": "response", "model": model, "status": status, "output": [], **rest}

    yield frame("response.created", response=whole("in_progress", usage=None))
    yield frame("response.in_progress", response=whole("in_progress", usage=None))
    if "thinking" in scenario.odd:
        reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
        yield frame("response.output_item.added", output_index=0, item=reasoning)
        yield frame("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, delta=THOUGHT)
        yield frame("response.reasoning_text.delta", item_id="rs_1", output_index=0, delta=THOUGHT)
    where: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [], "status": "in_progress"}
    yield frame("response.output_item.added", output_index=0, item=item)
    yield frame("response.content_part.added", part={"type": "output_text", "text": "", "annotations": []}, **where)
    for text in scenario.texts:
        yield frame("response.output_text.delta", True, delta=text, logprobs=[], obfuscation="p4dd1ng", **where)
    yield frame("response.output_text.done", text=scenario.text, logprobs=[], **where)
    if scenario.stop == "refused":
        yield frame("response.refusal.delta", delta="secret-refusal-text", **where)
        yield frame("response.refusal.done", refusal="secret-refusal-text", **where)
    if scenario.stop in ("tool", "pause"):
        yield frame("response.function_call_arguments.delta", item_id="fc_1", output_index=1, delta='{"a":')
    usage = None if "nousage" in scenario.odd else _responses_usage(_given(scenario))
    if reason := _INCOMPLETE.get(scenario.stop):
        response = whole("incomplete", incomplete_details={"reason": reason}, usage=usage)
        yield frame("response.incomplete", response=response)
    else:
        yield frame("response.completed", response=whole("completed", usage=usage))


def _responses_usage(given: int) -> dict[str, Any]:
    return {
        "input_tokens": 23,
        "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 23 + given,
    }


# --- OpenAI Chat Completions --------------------------------------------------------------------------------------
_FINISH: dict[Ending, str] = {
    "complete": "stop",
    "sequence": "stop",
    "truncated": "length",
    "context": "length",
    "refused": "stop",
    "filtered": "content_filter",
    "tool": "tool_calls",
    "pause": "function_call",
}


def chat(scenario: Scenario, model: str) -> Iterator[Frame]:
    odd = scenario.odd

    def frame(choices: list[Any], counted: bool = False, /, **rest: Any) -> Frame:
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": model, "choices": choices, **rest}
        return Frame("", _dumps(chunk, odd), counted)

    def choice(delta: dict[str, Any], finish: str | None = None) -> list[Any]:
        return [{"index": 0, "delta": delta, "finish_reason": finish}]

    yield frame(choice({"role": "assistant", "content": None if "null" in odd else ""}))
    if "thinking" in odd:
        yield frame(choice({"reasoning_content": THOUGHT}))
        yield frame(choice({"content": None, "reasoning": THOUGHT}))
    for text in scenario.texts:
        yield frame(choice({"content": text}), True)
    if scenario.stop == "refused":
        yield frame(choice({"refusal": "secret-refusal-text"}))
    if scenario.stop in ("tool", "pause"):
        yield frame(choice({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{"}}]}))
    yield frame(choice({}, _FINISH[scenario.stop]))
    if "nousage" not in odd:
        details = {"cached_tokens": 7, "cache_write_tokens": 5}
        usage = {"prompt_tokens": 23, "completion_tokens": _given(scenario), "prompt_tokens_details": details}
        yield frame([], usage=usage)
    if "nodone" not in odd:
        yield Frame("", "[DONE]")


FORMATS: dict[str, Format] = {
    "/v1/messages": anthropic,
    "/v1/responses": responses,
    "/v1/chat/completions": chat,
}


def error_body(path: str, scenario: Scenario) -> dict[str, Any]:
    """The JSON of an error status."""
    inner: dict[str, Any] = {"type": scenario.error, "message": scenario.says}
    if path == "/v1/messages":
        if scenario.code:
            inner["details"] = {"error_code": scenario.code}
        return {"type": "error", "error": inner, "request_id": "req_1"}
    return {"error": {**inner, "param": None, "code": scenario.code or None}}


def error_frame(path: str, scenario: Scenario) -> Frame:
    """The event that tells of an error in a stream that had begun with 200."""
    if path == "/v1/responses":
        failed = {"code": scenario.code or scenario.error, "message": scenario.says}
        if "failed" in scenario.odd:
            data = {"type": "response.failed", "response": {"status": "failed", "error": failed}}
            return Frame("response.failed", _dumps(data, scenario.odd))
        return Frame("error", _dumps({"type": "error", "sequence_number": 1, "param": None, **failed}, scenario.odd))
    return Frame("error" if path == "/v1/messages" else "", _dumps(error_body(path, scenario), scenario.odd))
