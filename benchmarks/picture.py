"""The figures as a bar chart, in SVG written by hand."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

WIDTH, BAR, GAP, LEFT = 720, 26, 12, 190


def draw(result: dict[str, Any], file: Path) -> None:
    """Write a bar for each system: CPU a token, µs."""
    figures = {name: cost["per_token_us"] for name, cost in sorted(result["medians"].items())}
    most = max(figures.values())
    height = 60 + (BAR + GAP) * len(figures)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="12" y="24" font-size="15">CPU a token, µs (median)</text>',
        f'<text x="12" y="44" fill="#666">{escape(result["date"])} · {escape(result["machine"])}</text>',
    ]
    for number, (name, figure) in enumerate(figures.items()):
        top = 56 + number * (BAR + GAP)
        wide = max(1, figure / most * (WIDTH - LEFT - 80))
        colour = "#9ca3af" if "alone" in name else "#c2410c"
        parts += [
            f'<text x="{LEFT - 10}" y="{top + 18}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{wide:.1f}" height="{BAR}" fill="{colour}" rx="3"/>',
            f'<text x="{LEFT + wide + 8:.1f}" y="{top + 18}">{figure:.0f}</text>',
        ]
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
