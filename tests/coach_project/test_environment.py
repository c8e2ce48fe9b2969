from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from coach_project.environment import Environment, read_dotenv


def told(env: Environment) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        env.complain()
    return str(caught.value)


def test_what_is_not_set_is_its_default_and_nothing_to_complain_of() -> None:
    env = Environment({"EMPTY": "  "})
    assert env.text("EMPTY", "default") == "default"
    assert env.words("ABSENT") == ()
    assert env.flag("ABSENT", default=True) is True
    assert env.whole("EMPTY", 5) == 5
    assert env.seconds("ABSENT", 2.5) == 2.5
    assert env.one_of("ABSENT", ("open", "token"), "token") == "token"
    env.complain()


def test_values_are_read_in_their_types() -> None:
    env = Environment({"A": " text ", "B": "one, two,,", "C": "Off", "D": "7", "E": "0.5", "F": "open"})
    assert env.text("A") == "text"
    assert env.words("B") == ("one", "two")
    assert env.flag("C", default=True) is False
    assert env.whole("D", 1) == 7
    assert env.number("E", 1) == 0.5
    assert env.one_of("F", ("open", "token"), "token") == "open"
    env.complain()


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "11", "1e400", "nan", "٧x"])
def test_a_number_that_is_none_or_out_of_bounds_is_one_sentence(text: str) -> None:
    env = Environment({"COACH_MAX_TURNS": text})
    env.whole("COACH_MAX_TURNS", 3, least=1, most=10)
    assert told(env).startswith("COACH_MAX_TURNS is ")
    assert told(env).count("\n") == 0


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_seconds_are_finite(text: str) -> None:
    env = Environment({"COACH_IDLE_TIMEOUT": text})
    env.seconds("COACH_IDLE_TIMEOUT", 3)
    assert "COACH_IDLE_TIMEOUT" in told(env)


def test_every_wrong_value_is_told_at_once() -> None:
    env = Environment({"A": "perhaps", "B": "third", "C": "many"})
    env.flag("A")
    env.one_of("B", ("first", "second"), "first")
    env.whole("C", 1)
    env.wrong("D is missing.")
    assert told(env).splitlines() == [
        "A is 'perhaps'; it takes on or off.",
        "B is 'third'; it takes first or second.",
        "C is 'many'; it takes a whole number.",
        "D is missing.",
    ]


def test_a_dotenv_file_adds_but_never_overrides(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# keys\n\nexport A=1\nB = 'two words'\nC=\"a=b\"\nD=\nKEPT=no\n", encoding="utf-8")
    values = {"KEPT": "yes"}
    read_dotenv(file, values)
    assert values == {"A": "1", "B": "two words", "C": "a=b", "D": "", "KEPT": "yes"}


def test_a_dotenv_file_need_not_be_there(tmp_path: Path) -> None:
    values: dict[str, str] = {}
    read_dotenv(tmp_path / ".env", values)
    assert values == {}


@pytest.mark.parametrize("line", ["A", "=1", "A-B=1", "A B=1"])
def test_a_line_of_a_dotenv_file_that_sets_nothing_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"OK=1\n{line}\n", encoding="utf-8")
    with pytest.raises(ImproperlyConfigured, match="line 2"):
        read_dotenv(file, {})


@pytest.mark.parametrize(
    "url",
    ["redis://cache", "redis://cache:6379/3", "rediss://user:secret@cache:6380", "redis://[::1]:6379/0"],
)
def test_an_address_of_a_redis_is_taken(url: str) -> None:
    env = Environment({"REDIS_URL": url})
    assert env.redis("REDIS_URL") == url
    env.complain()


@pytest.mark.parametrize(
    "url", ["cache:6379", "http://cache", "redis://", "redis://:secret@cache:x", "redis://cache/first"]
)
def test_what_is_none_is_told_without_its_password(url: str) -> None:
    env = Environment({"REDIS_URL": url})
    assert env.redis("REDIS_URL") == ""
    assert told(env).startswith("REDIS_URL is no address of a Redis: write redis://")
    assert "secret" not in told(env)


@pytest.mark.parametrize("path", ["Admin", "a/b", "/admin", "chat", "static", "-", "a b"])
def test_a_path_that_is_none_or_taken_is_one_sentence(path: str) -> None:
    env = Environment({"COACH_ADMIN_PATH": path})
    assert env.segment("COACH_ADMIN_PATH", "admin") == "admin"
    assert told(env).startswith(f"COACH_ADMIN_PATH is {path!r}; it takes small letters")
    assert Environment({"COACH_ADMIN_PATH": "back-office"}).segment("COACH_ADMIN_PATH", "admin") == "back-office"
