"""What Claude is asked, and what only Anthropic's API has."""

from __future__ import annotations

from typing import Any, get_args

import anthropic.types
import pytest
from anthropic.resources.messages import DEPRECATED_MODELS
from django.conf import settings

from brains.claude import MANNERS
from brains.errors import BrainBusy, BrainError, BrainMisconfigured, BrainQuotaExceeded, ContextTooLong
from tests.brains.thinking import claude, prompt, run, said_by
from tests.vendor import Vendor

MODELS = get_args(get_args(anthropic.types.Model)[0])
CACHED = {"type": "ephemeral"}


def asked(vendor: Vendor, *texts: str, system: tuple[str, ...] = ("A.",), **options: object) -> dict[str, Any]:
    """The body of the request."""
    assert said_by(claude(vendor, **options), prompt(*texts, system=system)).stop == "complete"
    body: dict[str, Any] = vendor.turns[-1].body
    return body


def test_the_default_model_is_listed_by_the_sdk_and_not_deprecated() -> None:
    model = settings.BRAINS["claude"]["OPTIONS"]["model"]
    assert model in MODELS
    assert model not in DEPRECATED_MODELS


def test_every_model_that_we_know_the_manners_of_is_listed_by_the_sdk() -> None:
    assert set(MANNERS) <= set(MODELS)


def test_a_deprecated_model_is_told_with_its_end(vendor: Vendor) -> None:
    sentence = claude(vendor, model="claude-sonnet-4-5").deprecation()
    assert sentence is not None
    assert DEPRECATED_MODELS["claude-sonnet-4-5"] in sentence


def test_the_request_streams_and_has_no_temperature(vendor: Vendor) -> None:
    body = asked(vendor)
    assert body["stream"] is True
    assert body["max_tokens"] == 100
    assert not {"temperature", "top_p", "top_k", "tools"} & set(body)


def test_the_first_and_the_last_system_block_are_cached(vendor: Vendor) -> None:
    body = asked(vendor, system=("Persona.", "Facts.", " ", "Summary."))
    assert [(block["text"], block.get("cache_control")) for block in body["system"]] == [
        ("Persona.", CACHED),
        ("Facts.", None),
        ("Summary.", CACHED),
    ]


def test_no_system_block_is_no_system_prompt(vendor: Vendor) -> None:
    assert "system" not in asked(vendor, system=())


def test_the_history_is_cached_up_to_the_new_message(vendor: Vendor) -> None:
    body = asked(vendor, "one", "two", "three")
    assert body["messages"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [{"type": "text", "text": "two", "cache_control": CACHED}]},
        {"role": "user", "content": "three"},
    ]


def test_a_first_message_stands_alone(vendor: Vendor) -> None:
    assert asked(vendor, "one")["messages"] == [{"role": "user", "content": "one"}]


@pytest.mark.parametrize(
    ("options", "thinking", "effort"),
    [
        ({"model": "claude-sonnet-5-5"}, {"type": "between_tools"}, "medium"),
        ({"model": "claude-haiku-5-5"}, {"type": "disabled"}, "medium"),
        ({"model": "claude-opus-5-5"}, {"type": "adaptive", "display": "omitted"}, "low"),
        ({"model": "claude-haiku-4-5-20251001"}, None, None),
        ({"model": "claude-of-tomorrow"}, None, None),
        ({"thinking": "adaptive", "effort": "high"}, {"type": "adaptive", "display": "omitted"}, "high"),
        ({"thinking": "default", "effort": "default"}, None, None),
    ],
    ids=str,
)
def test_a_reply_begins_as_early_as_the_model_allows(
    vendor: Vendor, options: dict[str, Any], thinking: object, effort: str | None
) -> None:
    body = asked(vendor, **options)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize("options", [{"thinking": "much"}, {"effort": "huge"}, {"base_url": "not an address"}], ids=str)
def test_an_option_with_an_impossible_value_is_refused(vendor: Vendor, options: dict[str, str]) -> None:
    with pytest.raises(BrainMisconfigured, match=next(iter(options))):
        claude(vendor, **options)


@pytest.mark.parametrize(
    ("knobs", "kind"),
    [
        ({"status": 400, "says": "prompt is too long: 210000 tokens > 200000 maximum"}, ContextTooLong),
        ({"status": 400, "says": "input length and `max_tokens` exceed context limit: 1 + 2 > 2"}, ContextTooLong),
        ({"status": 400, "says": "Your credit balance is too low to access the API."}, BrainQuotaExceeded),
        ({"status": 400, "says": "You have reached your specified API usage limits."}, BrainQuotaExceeded),
        ({"status": 429, "code": "enforced_spend_limit_reached"}, BrainQuotaExceeded),
        ({"status": 429, "code": "ramp_limit_exceeded", "retry_after": "9"}, BrainBusy),
        ({"status": 400, "says": "max_tokens: must be at least 1"}, BrainMisconfigured),
        ({"fail": 0, "error": "invalid_request_error", "says": "prompt is too long"}, ContextTooLong),
        ({"fail": 0, "error": "request_too_large"}, ContextTooLong),
        ({"fail": 0, "error": "authentication_error"}, BrainMisconfigured),
    ],
    ids=str,
)
def test_errors_are_told_apart_as_exactly_as_the_vendor_does(
    vendor: Vendor, knobs: dict[str, Any], kind: type[BrainError]
) -> None:
    vendor.next(**knobs)
    error = said_by(claude(vendor)).error
    assert type(error) is kind


def test_a_model_that_the_vendor_no_longer_has_is_a_misconfiguration(vendor: Vendor) -> None:
    vendor.model_status = 404
    brain = claude(vendor)

    async def main() -> None:
        with pytest.raises(BrainMisconfigured):
            await brain.probe()
        await brain.close()

    run(main())
