"""Text and ends to bytes: the frames of a stream. Pure: no Django.

Format: server-sent events (WHATWG HTML, 9.2), narrowed: a frame is one line `data: ` + one JSON object in ASCII, then an
empty line; at most 4 KiB. Some clients parse what one read brings, so a frame is always written in one piece.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from brains.types import Usage
from chat.events import Done, Failed
from chat.ids import outside

FRAME_LIMIT = 4096

OPENING = b":" + b" " * 1022 + b"\n\n"
"""The first bytes of a body: some mobile HTTP stacks hold back less than 512."""

PING = b": ping\n\n"

_quote = json.encoder.encode_basestring_ascii  # json.dumps of a string, without its detours
# `data: ` + two line ends around an object; an escaped character takes at most 12 bytes (a surrogate pair).
_ROOM = FRAME_LIMIT - len(b'data: {"snapshot": }\n\n')
_SAFE = (_ROOM - 2) // 12


def frame(fields: dict[str, object]) -> bytes:
    """One frame."""
    return b"data: %s\n\n" % json.dumps(fields).encode("ascii")


def token(text: str) -> bytes | None:
    """One `{"token": …}` frame; None where the text does not fit into one for sure."""
    if len(text) > _SAFE:
        return None
    return b'data: {"token": %s}\n\n' % _quote(text).encode("ascii")


def tokens(text: str, start: int = 0) -> Iterator[bytes]:
    """`{"token": …}` frames that join to `text` from `start` on, each within the limit; none where that is empty."""
    while start < len(text):
        size, quoted = _fitting(text, start)
        start += size
        yield b'data: {"token": %s}\n\n' % quoted


def snapshot(text: str) -> Iterator[bytes]:
    """One `{"snapshot": …}` frame, also for an empty text; what exceeds it follows as tokens."""
    size, quoted = _fitting(text, 0)
    yield b'data: {"snapshot": %s}\n\n' % quoted
    yield from tokens(text, size)


def _fitting(text: str, start: int) -> tuple[int, bytes]:
    """As much of the text as a frame surely holds, as JSON: how many characters, and the string."""
    piece = text[start : start + _ROOM - 2] if start or len(text) > _ROOM - 2 else text
    quoted = _quote(piece)
    if len(quoted) > _ROOM:
        piece = piece[:_SAFE]
        quoted = _quote(piece)
    return len(piece), quoted.encode("ascii")


def terminal(ended: Done | Failed) -> dict[str, object]:
    """The fields of the one terminal frame."""
    ids = {
        "message_id": ended.message and outside("msg", ended.message),
        "user_message_id": outside("msg", ended.user_message),
        "turn_id": outside("turn", ended.turn),
    }
    match ended:
        case Done():
            usage = usage_fields(ended.usage)
            return {
                "done": True,
                **ids,
                "status": ended.status,
                "brain": ended.brain,
                "fallback": ended.fallback,
                "usage": usage,
                **({"safety": ended.safety} if ended.safety else {}),
            }
        case Failed(problem=problem):
            return {"error": problem.code, "message": problem.message, "retryable": problem.retryable, **ids}


def usage_fields(usage: Usage | None) -> dict[str, int | None]:
    """Token counts as the API shows them; null where the vendor gave none."""
    return {
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
    }
