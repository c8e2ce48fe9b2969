"""How the brains are."""

from __future__ import annotations

import asyncio

import pytest
from pytest_django import Settings

from brains import health
from tests.brains.thinking import run
from tests.vendor import Vendor

KEY = "sk-secret-key"


@pytest.fixture(autouse=True)
def brains(settings: Settings, vendor: Vendor) -> None:
    """`claude` with a key, `openai` without, `config`."""
    options = {"model": "claude-sonnet-5-5", "api_key": KEY, "base_url": vendor.url}
    settings.BRAINS = {
        "claude": {"BACKEND": "brains.claude.ClaudeBrain", "REQUIRES": {"A_KEY": KEY}, "OPTIONS": options},
        "openai": {"BACKEND": "brains.openai.OpenAIBrain", "REQUIRES": {"B_KEY": ""}, "OPTIONS": {"model": "m"}},
        "config": {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {}},
    }


def states(report: health.HealthReport) -> dict[str, tuple[bool, str]]:
    return {brain.name: (brain.healthy, brain.state) for brain in report.brains}


def test_each_brain_that_has_what_it_needs_is_asked(vendor: Vendor) -> None:
    report = run(health.report("claude"))
    assert (report.active_brain, report.healthy) == ("claude", True)
    assert states(report) == {"claude": (True, "ready"), "openai": (False, "not_ready"), "config": (True, "ready")}
    assert [call.path for call in vendor.requests] == ["/v1/models/claude-sonnet-5-5"]


def test_it_shows_what_the_api_promises() -> None:
    shown = run(health.report("config", {"claude": "half-open"})).as_dict()
    assert set(shown) == {"active_brain", "healthy", "message", "brains"}
    assert isinstance(shown["brains"], list)
    assert shown["brains"][0] == {
        "name": "claude",
        "kind": "claude",
        "model": "claude-sonnet-5-5",
        "healthy": True,
        "state": "ready",
        "breaker": "half-open",
    }


def test_each_brain_shows_its_breaker_closed_where_nothing_is_known_of_it() -> None:
    async def main() -> list[dict[str, str]]:
        reports = [await health.report("config"), await health.report("config", {"claude": "open", "config": "closed"})]
        return [{brain["name"]: brain["breaker"] for brain in report.as_dict()["brains"]} for report in reports]  # type: ignore[attr-defined]

    assert run(main()) == [
        {"claude": "closed", "openai": "closed", "config": "closed"},
        {"claude": "open", "openai": "closed", "config": "closed"},
    ]


def test_an_active_brain_without_its_key_names_the_variable() -> None:
    report = run(health.report("openai"))
    assert not report.healthy
    assert "B_KEY" in report.message


@pytest.mark.parametrize(("status", "state"), [(401, "misconfigured"), (404, "misconfigured"), (500, "unreachable")])
def test_a_brain_whose_vendor_says_no_is_not_healthy(vendor: Vendor, status: int, state: str) -> None:
    vendor.model_status = status
    report = run(health.report("claude"))
    assert not report.healthy
    assert states(report)["claude"] == (False, state)
    assert "secret" not in repr(report)


def test_a_vendor_that_does_not_answer_in_time_is_unreachable(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    vendor.model_wait = 30
    report = run(health.report("claude"))
    assert states(report)["claude"] == (False, "unreachable")


def test_an_answer_is_kept_for_a_while(vendor: Vendor) -> None:
    async def main() -> None:
        await asyncio.gather(*(health.report("claude") for _ in range(5)))
        await health.report("config")

    run(main())
    assert len(vendor.requests) == 1


def test_a_failure_is_kept_for_less_long(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT_FAILURE", 0)

    async def main() -> list[bool]:
        vendor.model_status = 500
        before = await health.report("claude")
        vendor.model_status = 200
        return [before.healthy, (await health.report("claude")).healthy]

    assert run(main()) == [False, True]


def test_an_active_brain_that_the_settings_lost_is_not_healthy() -> None:
    report = run(health.report("gone"))
    assert (report.healthy, report.active_brain) == (False, "gone")
    assert "gone" in report.message
