"""A persona's words as a brain gets them: blocks of text, the most stable first, and its script. Pure: no ORM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brains.types import Script

LANGUAGES = {
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nb": "Norwegian",
    "nl": "Dutch",
    "nn": "Norwegian (Nynorsk)",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish",
}


def system_blocks(instructions: str, language: str = "") -> tuple[str, ...]:
    """The system prompt. `language` is the tag of the user's app (BCP 47), empty where it gave none."""
    if not language:
        return (instructions,)
    name = LANGUAGES.get(language.split("-")[0].lower())
    named = f"{name} ({language})" if name else f"the language with the tag {language}"
    return (
        instructions,
        f"The user's app is set to {named}. Answer in that language, unless the user writes in another: then in theirs.",
    )


def script_of(data: Mapping[str, Any]) -> Script:
    """A persona's script from its JSON."""
    return Script(
        openers=tuple(data.get("openers", ())),
        replies={topic: tuple(bodies) for topic, bodies in data.get("replies", {}).items()},
        closers=tuple(data.get("closers", ())),
    )
