"""A session as a file: JSON with everything, Markdown and text with what was said on the current path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from chat.sessions import Entry


@dataclass(frozen=True, slots=True)
class Download:
    """A file to send."""

    name: str
    content_type: str
    content: bytes


def as_json(head: dict[str, Any], messages: Iterable[dict[str, Any]]) -> bytes:
    return json.dumps(
        {**head, "messages": list(messages)}, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2
    ).encode()


def as_markdown(title: str, persona: str, entries: Iterable[Entry]) -> bytes:
    parts = [f"# {title or 'Session'}", f"Coach: {persona}"]
    for entry in entries:
        who = "You" if entry.role == "user" else persona
        parts.append(f"**{who}** · {entry.created_at:%Y-%m-%d %H:%M} UTC\n\n{entry.text}")
    return ("\n\n".join(parts) + "\n").encode()


def as_text(title: str, persona: str, entries: Iterable[Entry]) -> bytes:
    parts = [title or "Session"]
    for entry in entries:
        who = "You" if entry.role == "user" else persona
        parts.append(f"[{entry.created_at:%Y-%m-%d %H:%M}] {who}: {entry.text}")
    return ("\n\n".join(parts) + "\n").encode()


WRITERS: dict[str, tuple[str, str, Callable[[str, str, Iterable[Entry]], bytes]]] = {
    "markdown": ("md", "text/markdown; charset=utf-8", as_markdown),
    "text": ("txt", "text/plain; charset=utf-8", as_text),
}
