"""docs/clients.md shows code that is somewhere: the examples of the clients, which the web client's tests compile and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chat import outlet, sse

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
SNIPPETS = {
    "ts": "clients/web/examples/talk.ts",
    "tsx": "clients/web/examples/Talk.tsx",
    "swift": "clients/ios/Examples/Talk.swift",
}


@pytest.mark.parametrize("language", sorted(SNIPPETS))
def test_the_code_shown_is_the_clients_own(language: str) -> None:
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    text = (ROOT / SNIPPETS[language]).read_text(encoding="utf-8")
    assert re.sub(r"^#(if|endif).*\n", "", text, flags=re.MULTILINE) == shown


def test_the_numbers_are_the_servers() -> None:
    assert f"The first {len(sse.OPENING):,} bytes of a body are a comment" in PAGE
    assert f"nothing was said for {outlet.PING_SECONDS:.0f} s" in " ".join(PAGE.split())
