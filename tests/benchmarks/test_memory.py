"""The memory part's made-up talk, and its table."""

from __future__ import annotations

from itertools import islice

from benchmarks import coaching, memory
from benchmarks.memory_talk import Talk


def test_the_same_seed_says_the_same_and_another_seed_asks_in_the_same_words() -> None:
    said = list(Talk().messages(200))
    assert said == list(Talk().messages(200))
    assert len({key for key, _ in said}) == 200
    assert [key for key, _ in said] == sorted(key for key, _ in said)
    known = {word for _, text in Talk().messages(5000) for word in text.rstrip(".").split()}
    asked = list(islice(Talk(5).questions(100), 1, None, 2))
    heard = [any(word in known for word in question.rstrip("?").split()[5:]) for question in asked]
    assert sum(heard) > 40


def test_a_set_has_each_statement_once_and_talk_around_it() -> None:
    for of in coaching.SETS:
        for language in ("en", "nb"):
            said = [user for one in coaching.conversations(language, of) for user, _ in one.said]
            for change in coaching.changes(language, of):
                assert said.count(change.old) == said.count(change.new) == 1
                assert said.index(change.old) < said.index(change.new)
            assert len(said) > 8 * len(coaching.changes(language, of))


def test_the_table_says_what_is_reached() -> None:
    def taken(recall: float, worst: float) -> dict[str, dict[str, float]]:
        return {"look-up": {"p50": 0.1, "p99": 0.2}, "recall": {"p50": recall, "p99": worst}}

    fast, slow = memory.times({1000: taken(4, 8), 10_000: taken(4.5, 17)})
    assert (fast.reached, slow.reached) == (True, False)
    assert "45 × look-up" in slow.measured
    assert "2.12 × that of a tenth" in slow.measured
    found, above = memory.finds({"a": {"asked": 20, "new_in_first": 19, "old_above": 2}})
    assert (found.measured, found.reached, above.measured, above.reached) == ("0.95", True, "0.10", False)
    prompts = memory.told({"en": {"related": 10, "with_evidence": 9, "unrelated": 10, "untold": 8}})
    assert (prompts.measured, prompts.reached) == ("0.90; 0.80", False)
