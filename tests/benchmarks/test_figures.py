"""The arithmetic of the measurements, and the table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import cost, figures, flatness, hold, latency, picture, scripted, soak, statements, table, vanish
from benchmarks.figures import Cost, Row
from benchmarks.flatness import Reading
from benchmarks.plan import Curve, Plan, Result
from benchmarks.results import Results


def test_a_cost_is_a_slope_and_what_is_left() -> None:
    found = figures.fit((5, 0.0025), (65, 0.0085))
    assert found.per_token_us == pytest.approx(100)
    assert found.per_turn_ms == pytest.approx(2)


def test_the_median_is_of_each_figure() -> None:
    assert figures.median([Cost(1, 30), Cost(2, 10), Cost(9, 20)]) == Cost(2, 20)


@pytest.mark.parametrize(("share", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_the_value_of_the_nearest_rank(share: float, value: int) -> None:
    assert figures.percentile(list(range(100, 0, -1)), share) == value


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 50)


def test_the_columns_of_the_table_line_up() -> None:
    rows = [Row("a", "12 µs", "b 3 µs", "≤ 20 µs", True), Row("a longer figure", "1", reached=False)]
    head, rule, first, second = table.lines(rows)
    assert {line.index(cell) for line, cell in ((head, "measured"), (first, "12 µs"), (second, "1"))} == {17}
    assert first.endswith("reached")
    assert second.endswith("missed")
    assert set(rule) == {"-", " "}


def test_a_document_gets_a_row_for_each_figure() -> None:
    assert table.markdown([Row("a", "1", "b", "c", None)])[2] == "| a | 1 | b | c |  |"


def test_ours_is_held_against_its_own_bound_and_against_the_relay() -> None:
    medians = {cost.SDK.format(name): Cost(300, 3) for name in cost.BRAINS}
    medians |= {cost.BRAIN.format(name): Cost(120, 4) for name in cost.BRAINS}
    database = {cost.BRAIN.format(name): 1.0 for name in cost.BRAINS}
    token, responses, chat, *turns = cost.rows({**medians, cost.RELAY: Cost(100, 1)}, database)
    assert (token.measured, token.reached) == ("120 µs = 1.20 × relay", True)
    assert "nginx not installed" in token.beside
    assert responses.reached
    assert chat.reached
    assert [row.measured for row in turns] == ["4.0 ms"] * 3
    slower, *_ = cost.rows({**medians, cost.RELAY: Cost(80, 1)}, database)
    assert slower.reached is False


def test_without_nginx_there_is_nothing_to_reach() -> None:
    ours = {"coach": {"p50": 1.0, "p99": 8.0}, "relay": {"p99": 4.0}}
    first, _ = latency.rows(ours, ours, 200)
    assert first.reached is None
    assert first.beside.endswith("nginx not installed")
    first, later = latency.rows({**ours, "nginx": {"p99": 1.0}}, {**ours, "nginx": {"p99": 2.0}}, 200)
    assert first.measured.endswith("= 8.0 × nginx")
    assert (first.reached, later.reached) == (True, None)


def test_a_stream_that_was_lost_or_took_a_thread_misses_the_aim() -> None:
    before = hold.Look(100_000, 12, 7)
    good, memory = hold.rows(hold.Held(100, 0, before, hold.Look(104_000, 12, 7)), None)
    assert (good.measured, good.reached) == ("100", True)
    assert (memory.measured, memory.reached) == ("40.0 KB", True)
    for held in (
        hold.Held(100, 1, before, hold.Look(104_000, 12, 7)),
        hold.Held(100, 0, before, hold.Look(104_000, 13, 7)),
        hold.Held(100, 0, before, hold.Look(104_000, 12, 8)),
    ):
        assert hold.rows(held, None)[0].reached is False


def test_of_vanished_clients_the_worst_round_counts() -> None:
    good, slow = vanish.Stopped(10, 0.5, 0.4), vanish.Stopped(10, 1.5, 0.9)
    first, second = vanish.rows(10, [10, 9], [good, slow])
    assert (first.measured, first.reached) == ("9", False)
    assert (second.measured, second.reached) == ("1.50 s", False)
    assert all(row.reached for row in vanish.rows(10, [10, 10], [good]))
    assert vanish.rows(10, [10], [vanish.Stopped(0, None, None)])[1].measured.startswith("not measured")


def test_the_applications_statements_and_transactions_are_read_from_the_log() -> None:
    log = (
        "bench coach 3/7 LOG:  execute <unnamed>: BEGIN\n"
        "bench coach 3/7 LOG:  execute _pg3_1: SELECT 1,\n\t2\n"
        "bench coach 3/7 DETAIL:  Parameters: $1 = 'LOG:  execute'\n"
        "bench coach 4/1 LOG:  statement: COMMIT\n"
        "bench postgres 5/1 LOG:  statement: ALTER SYSTEM RESET log_statement\n"
        "bench  0/0 LOG:  checkpoint starting: time\n"
    )
    assert statements.read(log) == (3, 2)


def test_words_are_counted_across_frames() -> None:
    body = b': \n\ndata: {"token": "One t"}\n\ndata: {"token": "wo \\u00b5s. "}\n\ndata: {"done": true}\n\n'
    assert scripted.words_of(body) == 3


def test_the_coaches_for_measurements_say_as_many_words_as_are_wanted() -> None:
    plan = Plan(streams=1, short=4, long=9)
    made = scripted.personas(plan)["personas"]
    assert isinstance(made, list)
    for persona, words in zip(made, (4, 9), strict=True):
        script = persona["script"]
        text = " ".join([script["openers"][0], script["replies"]["other"][0], script["closers"][0]])
        assert len(text.split()) == words


def test_each_part_keeps_its_newest_run(tmp_path: Path) -> None:
    plan, results = Plan(streams=3), Results(tmp_path)
    results.add("hold", plan, Result([Row("b", "1")], {}), 0.5)
    results.add("cost", plan, Result([Row("a", "1")], {"each": [1 / 3]}, {"claude brain": 120.12345}), 0.5)
    results.save()
    again = Results(tmp_path)
    again.add("hold", plan, Result([Row("b", "2")], {}), 0.5)
    assert [row.measured for row in again.rows(("cost", "latency", "hold"))] == ["1", "2"]
    assert again.bars() == {"claude brain": 120.123}
    assert json.loads((tmp_path / "latest.json").read_text())["parts"]["cost"]["figures"] == {"each": [0.333]}


def test_the_picture_has_a_bar_for_each_name(tmp_path: Path) -> None:
    picture.draw({"claude brain": 100, "the <SDK> alone": 200}, tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn.count("<rect") == 3
    assert "the &lt;SDK&gt; alone" in drawn


def _readings(mb: Callable[[int], float], files: Callable[[int], int] = lambda at: 450) -> list[Reading]:
    return [Reading(at, mb(at), 90, 50, files(at), 22, 16) for at in range(0, 600, 2)]


def test_what_comes_to_rest_is_flat_and_what_grows_on_is_not() -> None:
    def flat(readings: list[Reading]) -> dict[str, bool]:
        return {each.name: each.flat for each in flatness.growths(readings)}

    rest = _readings(lambda at: 300 + min(at, 150) / 3 + at % 7)
    assert all(flat(rest).values())
    # 1 KB lost with each of 30 turns and requests a second
    assert flat(_readings(lambda at: 300 + at * 30 / 1024)) == {**flat(rest), "worker's memory": False}
    assert flat(_readings(lambda at: 300, lambda at: 450 + at // 30)) == {**flat(rest), "server's open files": False}


def test_one_reading_that_stands_out_decides_nothing() -> None:
    assert all(each.flat for each in flatness.growths(_readings(lambda at: 300 + (at == 500) * 900)))


def test_a_short_soak_is_held_to_less() -> None:
    grown = flatness.growths(_readings(lambda at: 300 + at)[:20])
    assert grown[0].flat
    assert grown[0].thirds[2] - grown[0].thirds[1] == pytest.approx(13, abs=1.5)
    with pytest.raises(ValueError, match="Three readings"):
        flatness.growths(_readings(lambda at: 300)[:2])


def test_a_soak_is_missed_by_one_error_or_by_slow_requests() -> None:
    plan, grown = Plan(streams=200, seconds=600), flatness.growths(_readings(lambda at: 300))
    good = soak.rows(plan, soak.Heard(6000, [20.0] * 96 + [900.0] * 4), grown)
    assert all(row.reached for row in good)
    assert [row.measured for row in good[:3]] == ["0", "20 ms", "300.0 → 300.0 MB"]
    wrong = soak.rows(plan, soak.Heard(6000, [20.0] * 90 + [900.0] * 10, Counter({"GET /memory: 503": 1})), grown)
    assert [row.reached for row in wrong[:2]] == [False, False]
    assert wrong[0].beside == "1 × GET /memory: 503"


def test_the_picture_has_a_strip_for_each_curve(tmp_path: Path) -> None:
    picture.curves([Curve("files & more", [(0, 1), (10, 4)]), Curve("none", [])], "soak, 10 s", tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert "files &amp; more: at most 4, in the end 4" in drawn
    assert 'points="12.0,114.0 808.0,66.0"' in drawn
