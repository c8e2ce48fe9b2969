"""The CPU of a token as a bar chart, and what was read over time as curves, in SVG written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from benchmarks.plan import Curve

WIDTH, BAR, GAP, LEFT = 820, 26, 12, 290
OURS, OTHERS = "#c2410c", "#9ca3af"
STRIP, HIGH = 110, 64
"""Of a curve: what it takes of the picture, and how high it is drawn."""


def draw(bars: Mapping[str, float], file: Path) -> None:
    """Write a bar for each name: µs. Ours are those whose name ends in `brain`."""
    most = max(bars.values(), default=1)
    height = 50 + (BAR + GAP) * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="12" y="24" font-size="15">CPU a token, µs (median); ours with PostgreSQL</text>',
    ]
    for number, (name, figure) in enumerate(bars.items()):
        top = 44 + number * (BAR + GAP)
        wide = max(1, figure / most * (WIDTH - LEFT - 80))
        colour = OURS if name.endswith("brain") else OTHERS
        parts += [
            f'<text x="{LEFT - 10}" y="{top + 18}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{wide:.1f}" height="{BAR}" fill="{colour}" rx="3"/>',
            f'<text x="{LEFT + wide + 8:.1f}" y="{top + 18}">{figure:.0f}</text>',
        ]
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def curves(found: Sequence[Curve], title: str, file: Path) -> None:
    """Write a strip for each curve, from zero to its highest value, over one time."""
    height = 50 + STRIP * len(found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
    ]
    for number, curve in enumerate(found):
        parts += _strip(curve, 46 + STRIP * number)
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _strip(curve: Curve, top: int) -> list[str]:
    end = max((at for at, _ in curve.points), default=0) or 1
    most = max((value for _, value in curve.points), default=0) or 1
    wide, foot = WIDTH - 24, top + 20 + HIGH
    line = " ".join(f"{12 + at / end * wide:.1f},{foot - value / most * HIGH:.1f}" for at, value in curve.points)
    last = curve.points[-1][1] if curve.points else 0
    return [
        f'<text x="12" y="{top + 12}">{escape(curve.name)}: at most {most:,.0f}, in the end {last:,.0f}</text>',
        f'<path d="M12 {foot}H{12 + wide}" stroke="{OTHERS}"/>',
        f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="1.5"/>',
    ]
