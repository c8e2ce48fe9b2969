"""What OpenAI is asked, on both its APIs, and what compatible servers leave out."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from django.conf import settings
from openai.types.shared import ChatModel

from brains.errors import (
    BrainBusy,
    BrainError,
    BrainInterrupted,
    BrainMisconfigured,
    BrainQuotaExceeded,
    ContextTooLong,
)
from brains.openai import deprecated_models
from brains.openai_replies import ResponsesReply
from tests.brains.thinking import Build, chat, prompt, responses, run, said_by
from tests.vendor import Vendor

both = pytest.mark.parametrize("build", [responses, chat])


def asked(build: Build, vendor: Vendor, *texts: str, system: tuple[str, ...] = ("A.",), **options: object) -> Any:
    """The body of the request."""
    assert said_by(build(vendor, **options), prompt(*texts, system=system)).stop == "complete"
    return vendor.turns[-1].body


# --- Models -------------------------------------------------------------------------------------------------------
def test_the_default_model_is_listed_by_the_sdk_and_not_deprecated() -> None:
    model = settings.BRAINS["openai"]["OPTIONS"]["model"]
    assert model in get_args(ChatModel)
    assert model not in deprecated_models()


def test_deprecated_models_are_read_from_the_sdk() -> None:
    found = deprecated_models()
    assert len(found) > 20
    assert set(found) <= set(get_args(ChatModel))
    assert found["gpt-5"] == "Announced shutdown date: 2026-12-11."


def test_a_deprecated_model_is_told_with_its_end(vendor: Vendor) -> None:
    assert "2026-12-11" in str(responses(vendor, model="gpt-5-mini").deprecation())


@both
@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-6-luna", "none"),
        ("gpt-5.4-mini-2026-03-17", "none"),
        ("gpt-6.1-sol", "low"),
        ("gpt-5-mini", "minimal"),
        ("o4-mini", "low"),
        ("gpt-4.1", None),
        ("llama-9-chat", None),
    ],
)
def test_the_least_reasoning_that_a_model_takes_is_asked_for(
    build: Build, vendor: Vendor, model: str, effort: str | None
) -> None:
    body = asked(build, vendor, model=model)
    assert body.get("reasoning_effort", body.get("reasoning", {}).get("effort")) == effort


@both
@pytest.mark.parametrize(("given", "sent"), [("high", "high"), ("default", None)])
def test_effort_can_be_set(build: Build, vendor: Vendor, given: str, sent: str | None) -> None:
    body = asked(build, vendor, effort=given)
    assert body.get("reasoning_effort", body.get("reasoning", {}).get("effort")) == sent


# --- Requests -----------------------------------------------------------------------------------------------------
def test_responses_are_streamed_and_not_stored_by_the_vendor(vendor: Vendor) -> None:
    body = asked(responses, vendor, "one", "two", "three", system=("Persona.", "Facts."))
    assert (body["store"], body["stream"], body["max_output_tokens"]) == (False, True, 100)
    assert body["instructions"] == "Persona.\n\nFacts."
    assert [(line["role"], line["content"]) for line in body["input"]] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    assert not {"temperature", "top_p", "tools", "previous_response_id"} & set(body)


def test_the_turns_of_a_session_share_the_vendors_cache_and_no_text_of_it(vendor: Vendor) -> None:
    first = asked(responses, vendor, "one")["prompt_cache_key"]
    later = asked(responses, vendor, "one", "two", "three")["prompt_cache_key"]
    other = asked(responses, vendor, "uno")["prompt_cache_key"]
    assert first == later != other
    assert len(first) == 32


def test_chat_completions_get_the_system_prompt_first_and_ask_for_usage(vendor: Vendor) -> None:
    body = asked(chat, vendor, "one", "two", "three", system=("Persona.", "Facts."))
    assert [(line["role"], line["content"]) for line in body["messages"]] == [
        ("system", "Persona.\n\nFacts."),
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(("model", "name"), [("gpt-6-luna", "max_completion_tokens"), ("llama-9-chat", "max_tokens")])
def test_the_output_limit_goes_by_the_name_that_the_server_knows(vendor: Vendor, model: str, name: str) -> None:
    body = asked(chat, vendor, model=model)
    assert {key: value for key, value in body.items() if key.startswith("max_")} == {name: 100}


@both
def test_no_system_block_is_no_system_prompt(build: Build, vendor: Vendor) -> None:
    body = asked(build, vendor, "one", system=())
    assert "instructions" not in body
    assert len(body.get("messages", body.get("input"))) == 1


# --- Errors -------------------------------------------------------------------------------------------------------
@both
@pytest.mark.parametrize(
    ("knobs", "kind"),
    [
        ({"status": 429, "code": "insufficient_quota"}, BrainQuotaExceeded),
        ({"status": 429, "code": "rate_limit_exceeded", "retry_after": "3"}, BrainBusy),
        ({"status": 400, "code": "context_length_exceeded"}, ContextTooLong),
        ({"status": 400, "says": "This model's maximum context length is 8192 tokens."}, ContextTooLong),
        ({"status": 500, "code": "server_is_overloaded"}, BrainBusy),
        ({"status": 404, "code": "model_not_found"}, BrainMisconfigured),
        ({"fail": 0, "code": "context_length_exceeded"}, ContextTooLong),
        ({"fail": 0, "code": "context_length_exceeded", "odd": frozenset({"failed"})}, ContextTooLong),
    ],
    ids=str,
)
def test_errors_are_told_apart_as_exactly_as_the_vendor_does(
    build: Build, vendor: Vendor, knobs: dict[str, Any], kind: type[BrainError]
) -> None:
    vendor.next(**knobs)
    assert type(said_by(build(vendor)).error) is kind


@both
@pytest.mark.parametrize("knobs", [{"status": 400}, {"fail": 0}, {"fail": 3}], ids=str)
@pytest.mark.parametrize("code", ["invalid_prompt", "content_filter", "bio_policy"])
def test_an_error_by_which_the_vendor_declines_is_a_refusal(
    build: Build, vendor: Vendor, knobs: dict[str, Any], code: str
) -> None:
    sent = vendor.next(code=code, **knobs)
    heard = said_by(build(vendor))
    assert heard.stop == "refused"
    assert heard.text == "".join(sent.texts[: knobs.get("fail", 0)])


def test_a_refusal_that_breaks_off_is_no_end() -> None:
    reply = ResponsesReply()
    reply.read({"type": "response.refusal.delta", "delta": "I can"})
    assert not reply.finished


# --- Compatible servers -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("words", [("nodone",), ("nousage",), ("nousage", "nodone"), ("null", "nodone")], ids=str)
def test_a_compatible_server_may_leave_out_usage_and_the_last_event(vendor: Vendor, words: tuple[str, ...]) -> None:
    sent = vendor.next(odd=frozenset(words))
    heard = said_by(chat(vendor))
    assert (heard.stop, heard.text) == ("complete", sent.text)
    assert bool(heard.usages) is ("nousage" not in words)


def test_without_a_reason_to_stop_even_a_clean_end_is_an_interruption(vendor: Vendor) -> None:
    vendor.next(end=3, odd=frozenset({"nodone"}))
    assert type(said_by(chat(vendor)).error) is BrainInterrupted


@pytest.mark.parametrize(("status", "well"), [(200, True), (404, True), (401, False), (500, False)])
def test_a_compatible_server_need_not_list_models_to_be_well(vendor: Vendor, status: int, well: bool) -> None:
    vendor.model_status = status
    brain = chat(vendor, model="llama-9-chat")

    async def probed() -> bool:
        try:
            await brain.probe()
        except BrainError:
            return False
        finally:
            await brain.close()
        return True

    assert run(probed()) is well
    assert vendor.requests[0].path == "/v1/models"
