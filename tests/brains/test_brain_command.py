"""manage.py brain"""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from brains import switching
from brains.models import BrainSwitch
from tests.vendor import Vendor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def brains(settings: Settings, vendor: Vendor) -> None:
    options = {"model": "claude-sonnet-5-5", "api_key": "sk-secret-key", "base_url": vendor.url}
    settings.BRAINS = {
        "claude": {"BACKEND": "brains.claude.ClaudeBrain", "OPTIONS": options},
        "openai": {
            "BACKEND": "brains.openai.OpenAIBrain",
            "REQUIRES": {"OPENAI_API_KEY": ""},
            "OPTIONS": {"model": "m"},
        },
        "config": {"BACKEND": "brains.scripted.ScriptedBrain", "OPTIONS": {"words_per_second": 0}},
    }
    settings.COACH_BRAIN, settings.COACH_FALLBACK = "config", ("config",)


def brain(*arguments: str) -> tuple[str, str]:
    """What it prints and what it warns of."""
    out, err = io.StringIO(), io.StringIO()
    call_command("brain", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def refusal(*arguments: str) -> str:
    """The one sentence that goes with an exit code that is not 0."""
    with pytest.raises(CommandError) as caught:
        brain(*arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "secret" not in sentence
    return sentence


def test_list_shows_every_brain_in_columns_that_line_up() -> None:
    head, *rows = brain("list")[0].splitlines()
    assert [row.split()[:2] for row in rows] == [["claude", "claude"], ["openai", "openai"], ["*", "config"]]
    assert rows[1].endswith("OPENAI_API_KEY")
    model = head.index("model")
    assert [row[model:].split()[0] for row in rows] == ["claude-sonnet-5-5", "m", "scripted"]


def test_status_asks_the_vendors(vendor: Vendor) -> None:
    out, err = brain("status")
    assert [row.split()[-4:-1] for row in out.splitlines()[1:2]] == [["The", "brain", "claude"]]
    assert "not_ready" in out
    assert len(vendor.requests) == 1
    assert err == ""


def test_status_fails_where_the_active_brain_is_not_well(vendor: Vendor) -> None:
    vendor.model_status = 401
    switching.switch("claude", "ada")
    assert refusal("status").startswith("The active brain is not well")


def test_status_warns_of_a_model_that_its_sdk_calls_deprecated(settings: Settings) -> None:
    settings.BRAINS["claude"]["OPTIONS"]["model"] = "claude-sonnet-4-5"
    assert "claude-sonnet-4-5 deprecated" in brain("status")[1]


def test_use_switches_and_says_from_what_to_what() -> None:
    out, _ = brain("use", "claude")
    assert out == "The next turn is answered by claude (before: config).\n"
    assert switching.active() == "claude"
    assert BrainSwitch.objects.get().who.endswith("(manage.py)")


@pytest.mark.parametrize(("alias", "words"), [("nope", "there are claude, openai"), ("openai", "OPENAI_API_KEY")])
@pytest.mark.parametrize("action", ["use", "test"])
def test_what_cannot_be_used_is_refused_in_one_sentence(action: str, alias: str, words: str) -> None:
    assert words in refusal(action, alias)
    assert switching.active() == "config"


def test_test_asks_one_question_and_tells_how_long_it_took(vendor: Vendor) -> None:
    sent = vendor.next(words=4)
    first, reply, end = brain("test", "claude")[0].splitlines()
    assert (first, reply) == ("claude (claude-sonnet-5-5):", sent.text)
    assert end.startswith("complete: first word after 0.")
    assert end.endswith("23 tokens in, 4 out.")
    assert len(vendor.turns) == 1


def test_test_does_not_let_another_brain_answer(vendor: Vendor) -> None:
    vendor.next(status=529)
    assert "busy" in refusal("test", "claude")


def test_test_shows_what_came_before_the_trouble(vendor: Vendor) -> None:
    vendor.next(cut=2)
    out = io.StringIO()
    with pytest.raises(CommandError, match="cut off"):
        call_command("brain", "test", "claude", stdout=out)
    assert out.getvalue().splitlines()[1] == "steady breath "


def test_an_active_brain_that_the_settings_lost_is_told(settings: Settings) -> None:
    switching.switch("claude", "ada")
    del settings.BRAINS["claude"]
    assert "'claude', which the settings don't have" in brain("list")[1]
