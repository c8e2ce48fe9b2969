"""What was said, as data within a prompt: on one line, in quotation marks, bounded."""

from __future__ import annotations

import json
import re

SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
"""Between two sentences."""

BLANK = re.compile(r"\s+")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
TAG = re.compile(r"<(?=[/!?a-zA-Z])")


def flat(text: str, most: int = 0) -> str:
    """A text on one line without unseen characters; where it is longer than `most` (0: no bound), its beginning."""
    line = BLANK.sub(" ", UNSEEN.sub(" ", text)).strip()
    if not most or len(line) <= most:
        return line
    return line[:most].rsplit(" ", 1)[0] + " …"


def quoted(text: str, most: int = 0) -> str:
    """The same between quotation marks that it cannot close, and without marks that could close what stands around it."""
    return json.dumps(TAG.sub("‹", flat(text, most)), ensure_ascii=False)
