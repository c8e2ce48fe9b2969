"""What must be found in what users ask and coaches say, and what must not; and that rules are data that is checked."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.phrases import Phrases, normalised
from safety.rules import Guard, Rules, delivered

MUST = {
    "chest_pain": (
        "I have chest pain when I run",
        "My chest feels really tight today",
        "There is a crushing pressure in my chest",
        "My CHEST hurts, should I go on?",
        "there's pain down my left arm",
        "Jeg har brystsmerter etter intervallene",
        "Det gjør vondt i brystet når jeg løper",
        "Brystet mitt strammer",
    ),
    "breathing": (
        "I can't breathe",
        "I can’t breathe properly",
        "Having trouble breathing since yesterday",
        "I get short of breath even lying down",
        "Jeg får ikke puste",
        "Har hatt pustevansker hele dagen",
        "Jeg er tungpustet når jeg ligger",
    ),
    "fainting": (
        "I fainted during squats",
        "I passed out on the treadmill",
        "I think I'm about to pass out",
        "I feel faint",
        "Jeg besvimte på trening",
        "Det svartnet for meg",
        "Jeg holdt på å besvime",
    ),
    "self_harm": (
        "I want to kill myself",
        "I keep thinking about suicide",
        "I wish I was dead",
        "I don't want to be alive",
        "There is no reason to live",
        "I have been cutting myself",
        "Jeg vil dø",
        "Jeg har selvmordstanker",
        "Jeg orker ikke å leve lenger",
    ),
    "acute_injury": (
        "I heard a pop in my knee",
        "I think I broke my wrist",
        "I can't put weight on my ankle",
        "I hit my head on the bar",
        "Jeg tror jeg har brukket foten",
        "Jeg klarer ikke å støtte på beinet",
        "Jeg slo hodet i stanga",
    ),
    "eating_disorder": (
        "I make myself throw up after dinner",
        "I have an eating disorder",
        "I haven't eaten in three days",
        "I eat only 500 calories a day",
        "Jeg har anoreksi",
        "Jeg kaster opp maten",
        "Jeg har ikke spist på tre dager",
        "Jeg sulter meg",
    ),
}

MUST_NOT = (
    "My legs are so sore after leg day",
    "I am sore in my chest after push-ups",
    "Chest day yesterday, my shoulder hurts a bit",
    "How heavy should my chest press be?",
    "No chest pain, just tired",
    "I'm out of breath after the sprints",
    "How should I breathe when I lift?",
    "It is hard to breathe through my nose when I run",
    "I did suicide sprints today",
    "I passed out on the couch after the marathon",
    "I have never fainted",
    "I hurt myself lifting, my lower back is stiff",
    "I broke my record!",
    "I'm starving, what should I eat after a workout?",
    "This killer workout is killing me",
    "I cut myself some slack this week",
    "These burpees make me want to die",
    "I popped into the gym",
    "I ate 2500 calories today",
    "Jeg er støl i beina etter knebøy",
    "Jeg er støl i brystet etter brystpress",
    "Ingen brystsmerter, bare sliten",
    "Hvordan skal jeg puste under markløft?",
    "Jeg er tungpustet etter intervallene",
    "Jeg har aldri besvimt",
    "Jeg dør etter denne økten, så god!",
    "Du traff, du har slått hodet på spikeren",
    "Jeg er sulten etter trening",
)

STOPPED = (
    "Push through the chest pain!",
    "Ignore the dizziness and give me ten more.",
    "Keep running even with the tightness in your chest.",
    "Chest pain is completely normal at this point.",
    "Press deg gjennom brystsmertene!",
    "Ignorer svimmelheten.",
    "Brystsmerter er helt vanlig.",
)

PASSED = (
    "Never push through chest pain.",
    "Don't ignore the dizziness: sit down.",
    "Chest pain is never normal. See a doctor.",
    "Push through the last ten metres! You have it.",
    "Soreness is normal; work through it slowly.",
    "Tren aldri gjennom brystsmerter.",
    "Du skal ikke ignorere svimmelhet.",
    "Stop at once if you feel chest pain, dizziness or shortness of breath.",
)


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in MUST.items() for text in texts])
def test_what_must_be_found(rule: str, text: str) -> None:
    finding = delivered().asked(text)
    assert finding
    assert finding.rule == rule
    norwegian = any(word in finding.answer for word in ("113", "legevakt"))
    assert norwegian == (text in _norwegian())


def _norwegian() -> set[str]:
    words = ("jeg", "det", "brystet", "har")
    return {text for texts in MUST.values() for text in texts if text.split()[0].lower() in words}


@pytest.mark.parametrize("text", MUST_NOT)
def test_what_must_not_be_found(text: str) -> None:
    assert delivered().asked(text) is None


@pytest.mark.parametrize("text", STOPPED)
def test_a_reply_that_must_be_stopped(text: str) -> None:
    guard = Guard(delivered())
    said = "".join(
        guard.passed(piece)
        for piece in ["Well done. ", *text.split(" ")[0:1], *(f" {word}" for word in text.split(" ")[1:])]
    )
    assert guard.finding
    assert guard.finding.rule == "training_on"
    assert said.startswith("Well done. ")
    assert delivered().said(said) is None


@pytest.mark.parametrize("text", PASSED)
def test_a_reply_that_must_pass(text: str) -> None:
    guard = Guard(delivered())
    assert "".join(guard.passed(letter) for letter in text) == text
    assert guard.finding is None


@given(st.integers(0, len(STOPPED) - 1), st.lists(st.integers(1, 12), min_size=1))
def test_a_reply_is_stopped_however_it_is_split(number: int, sizes: list[int]) -> None:
    text, guard, said, at = f"Good work so far. {STOPPED[number]} Go!", Guard(delivered()), "", 0
    for size in sizes * len(text):
        piece = text[at : at + size]
        if not piece or guard.finding:
            break
        said, at = said + guard.passed(piece), at + size
    assert guard.finding
    assert delivered().said(said) is None


def test_whole_sentences_before_the_one_that_breaks_a_rule_are_said() -> None:
    guard = Guard(delivered())
    assert guard.passed("Sit tall. Breathe. Push through the chest pain! Now.") == "Sit tall. Breathe. "


def test_hidden_letters_and_odd_forms_do_not_help() -> None:
    for text in ("I have ch\u200best pa\u00adin", "I HAVE CHEST-PAIN!!", "i have chest, pain", "ｃｈｅｓｔ pain"):
        assert delivered().asked(text), text


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    words = normalised(text)
    assert words.startswith(" ")
    assert normalised(words).split() == words.split()
    delivered().asked(text)
    assert Guard(delivered()).passed(text) in ("", text) or delivered().said(text)


def test_a_long_text_takes_time_in_proportion() -> None:
    hard = "a pain that can push through the chest in a not "

    def took(times: int) -> float:
        begun = time.perf_counter()
        delivered().asked(hard * times)
        delivered().said(hard * times)
        return time.perf_counter() - begun

    small = min(took(60) for _ in range(5))
    assert min(took(600) for _ in range(5)) < 40 * small


@pytest.mark.parametrize(
    "phrase", ["", "...", "... pain", "pain ...", "a|b", "(a", "a)", "(a|)", "pa*in", ".*", "[a-z]", "(", "a\\b"]
)
def test_what_is_no_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=r"phrase|word"):
        Phrases([phrase])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "one rule at least"),
        ({"rules": []}, "one rule at least"),
        ({"rules": [3]}, "one rule at least"),
        ({"rules": [{"id": "Bad id"}]}, "id"),
        ({"rules": [{"id": "a", "else": 1}]}, "unknown field"),
        ({"rules": [{"id": "a"}]}, "looks for nothing"),
        ({"rules": [{"id": "a", "asked": []}]}, "looks for nothing"),
        ({"rules": [{"id": "a", "asked": [1]}]}, "by language"),
        ({"rules": [{"id": "a", "asked": {"en": "pain"}}]}, "list of phrases"),
        ({"rules": [{"id": "a", "asked": {"en": ["pain"]}}]}, "needs an answer in en"),
        ({"rules": [{"id": "a", "asked": {"en": ["..."]}, "answer": {"en": "Stop."}}]}, "Rule a: A phrase"),
        ({"rules": [{"id": "a", "asked": {"en": ["pain"]}, "answer": {"en": "Stop."}}] * 2}, "same id"),
    ],
)
def test_what_is_no_set_of_rules_says_why(content: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Rules(content)
