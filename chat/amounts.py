"""Times and money as an operator reads them. A dash where nothing is known."""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "–"


def seconds(ms: int | None) -> str:
    """From milliseconds."""
    if ms is None:
        return UNKNOWN
    return f"{ms / 1000:.2f} s" if ms < 100_000 else f"{ms / 1000:,.0f} s"


def dollars(cost: Decimal | None) -> str:
    """To the cent, and to four digits of what is less."""
    if cost is None:
        return UNKNOWN
    if cost == 0:
        return "$0"
    return f"${cost:,.2f}" if cost >= 1 else f"${cost:.{max(2, 3 - cost.adjusted())}f}"


def count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def share(part: int, whole: int) -> str:
    """In per cent."""
    return f"{100 * part / whole:.1f} %" if whole else UNKNOWN
