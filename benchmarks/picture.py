"""The CPU of a token as a bar chart, in SVG written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

WIDTH, BAR, GAP, LEFT = 820, 26, 12, 290
OURS, OTHERS = "#c2410c", "#9ca3af"


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
