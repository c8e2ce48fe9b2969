"""The blocks of a system prompt."""

from __future__ import annotations

from personas.instructions import system_blocks


def test_the_stable_part_comes_first_and_the_language_after_it() -> None:
    assert system_blocks("Be kind.") == ("Be kind.",)
    norwegian = system_blocks("Be kind.", "nb-NO")
    assert norwegian[0] == "Be kind."
    assert "Norwegian (nb-NO)" in norwegian[1]
    assert "tlh" in system_blocks("Be kind.", "tlh")[1]
