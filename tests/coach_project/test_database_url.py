from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from coach_project.database_url import Where, parse_url

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = words.filter(bool)
hosts = st.sampled_from(["", "127.0.0.1", "db.example.org", "::1", "/run/postgresql", "/srv/Ein Ordner/ü"])


@given(
    hosts, st.sampled_from(["", "5432", "1", "65535"]), words, words, names, st.dictionaries(st.just("sslmode"), names)
)
def test_a_url_is_read_back_as_it_was_written(
    host: str, port: str, user: str, password: str, name: str, options: dict[str, str]
) -> None:
    where = Where(host, port, user, password if user else "", name, options)
    assert parse_url(where.url()) == where


@given(hosts, words, names)
def test_libpq_reads_what_it_is_given(host: str, password: str, name: str) -> None:
    read = conninfo_to_dict(Where(host, "5432", "ann", password, name).conninfo())
    wanted = {"host": host, "port": "5432", "user": "ann", "password": password, "dbname": name}
    assert {key: value for key, value in read.items() if value} == {
        key: value for key, value in wanted.items() if value
    }


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgres://ann:secret@db:5433/coach", Where("db", "5433", "ann", "secret", "coach")),
        ("postgresql://db/coach?sslmode=require", Where("db", "", "", "", "coach", {"sslmode": "require"})),
        ("postgresql://ann@/coach?host=/run/pg&port=6000", Where("/run/pg", "6000", "ann", "", "coach")),
        ("postgresql://%2FRun%2FPg/coach", Where("/Run/Pg", "", "", "", "coach")),
        ("postgresql://[::1]:5432/coach", Where("::1", "5432", "", "", "coach")),
        ("postgresql://a%40b:p%2Fq@db/c%20d", Where("db", "", "a@b", "p/q", "c d")),
        ("postgresql:///?dbname=coach&user=ann", Where("", "", "ann", "", "coach")),
    ],
)
def test_the_forms_that_libpq_takes(url: str, where: Where) -> None:
    assert parse_url(url) == where


@pytest.mark.parametrize(
    "url",
    [
        "",
        "coach",
        "mysql://db/coach",
        "postgresql://db",
        "postgresql://db/",
        "postgresql://db:port/coach",
        "postgresql://db:0/coach",
        "postgresql://db:65536/coach",
        "postgresql://db/coach/more",
        "postgresql://[::1/coach",
        "postgresql://db/coach?sslmode",
        "postgresql://ann:se#cret@db/coach",
    ],
)
def test_what_is_no_url_of_a_database_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as told:
        parse_url(url)
    assert "cret" not in str(told.value)
    assert str(told.value).endswith(".")
