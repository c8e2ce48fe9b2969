"""How much a caller may have and has left, as the headers of an answer tell it; and under which name it is counted.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` says how much in how many seconds,
`RateLimit` how much is left and for how long.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """`most` in a `window` of so many seconds, of which `left` are left, for so many `seconds`; windows of None: at once."""

    policy: str
    most: int
    left: int = 0
    window: int | None = None
    seconds: int | None = None
    unit: str = ""

    def headers(self) -> dict[str, str]:
        """By name."""
        window = "" if self.window is None else f";w={self.window}"
        seconds = "" if self.seconds is None else f";t={self.seconds}"
        unit = f';qu="{self.unit}"' if self.unit else ""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.most}{unit}{window}',
            "RateLimit": f'"{self.policy}";r={self.left}{seconds}',
        }


def subject(*whose: str) -> str:
    """A name for who is counted that tells nobody who it is: SHA-256, in hex."""
    return hashlib.sha256("\0".join(whose).encode()).hexdigest()
