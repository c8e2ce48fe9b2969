"""The dashboard part's table."""

from __future__ import annotations

from benchmarks import dashboard


def test_a_range_whose_median_page_takes_a_second_is_missed() -> None:
    pages = {
        "24h": {"turns": 16_000, "seconds": [0.02, 0.03, 0.04]},
        "30d": {"turns": 500_000, "seconds": [0.9, 1.0, 1.2]},
    }
    quick, slow = dashboard.rows(1_000_000, pages)
    assert (quick.measured, quick.beside, quick.reached) == (
        "0.03 s; slowest 0.04 s",
        "16,000 turns in the range",
        True,
    )
    assert (slow.measured, slow.reached) == ("1.00 s; slowest 1.20 s", False)
