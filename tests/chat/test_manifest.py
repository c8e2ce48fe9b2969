"""What sources tell reaches the brain, and the turn says what it was made of."""

from __future__ import annotations

from collections.abc import Callable

from tests.api import Api
from tests.serving import Server
from tests.sources import FACTS, QUOTE
from tests.vendor import Vendor


def test_a_turn_is_told_more_by_sources_and_says_what_by_ids_alone(
    server: Callable[..., Server], vendor: Vendor
) -> None:
    claude = {"COACH_BRAIN": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": vendor.url}
    one = server(COACH_CONTEXT="tests.sources.Ill,tests.sources.Knee", **claude)
    api = Api(one.url)
    session = api.start()
    first, second = api.stream(session, "Hello"), api.stream(session, "And squats?")
    asked = [turn.body for turn in vendor.turns]
    assert [block["text"] for block in asked[0]["system"]][-1] == FACTS
    assert asked[0]["system"] == asked[1]["system"]
    assert asked[1]["messages"][0]["content"] == "Hello"
    assert asked[1]["messages"][-1]["content"] == f"{QUOTE}\n\nAnd squats?"
    shown = api.get(f"/chat/turns/{second.end['turn_id']}/manifest")
    assert shown["used"] == {"facts": ["fact_1"], "recalled": ["msg_1"]}
    assert shown["history_turns"] == 1
    assert shown["tokens"]["facts"] > 0
    assert shown["usage"]["input_tokens"] > 0
    assert "knee" not in str(shown)
    assert [message["content"] for message in api.get(f"/chat/sessions/{session}")["messages"]][::2] == [
        "Hello",
        "And squats?",
    ]
    assert api.get(f"/chat/turns/{first.end['turn_id']}/manifest")["history_turns"] == 0
