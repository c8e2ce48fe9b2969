"""The admin's front: its figures are those of a plain computation over the same turns."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chat import amounts, figures, tallies
from chat.dashboard import Page
from chat.ids import new_id
from chat.models import Message, Session, Turn, Worker
from identity.models import Owner
from personas import seed

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SINCE = datetime(2026, 3, 1, 10, 20, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=2)
ASKED = {"range": "own", "from": SINCE.isoformat(), "to": UNTIL.isoformat()}
EVIL = "<script>alert(1)</script>"


def made(count: int) -> list[Turn]:
    """Turns by chance, some before and after the span, some running; the same each time."""
    seed.seed()
    chance = random.Random(5)
    owner = Owner.objects.create(external_id="someone")
    sessions = Session.objects.bulk_create(Session(owner=owner, persona_id="calm_coach") for _ in range(count))
    said = Message.objects.bulk_create(
        Message(session=one, owner=owner, role="user", text="Hi", depth=0, offset=0) for one in sessions
    )
    turns = [turn_of(chance, message) for message in said]
    times = [turn.created_at for turn in turns]
    made = Turn.objects.bulk_create(turns)
    for turn, time in zip(made, times, strict=True):
        turn.created_at = time
    Turn.objects.bulk_update(made, ["created_at"])
    return made


def turn_of(chance: random.Random, message: Message) -> Turn:
    began = SINCE + timedelta(milliseconds=chance.randrange(-5 * 3_600_000, 53 * 3_600_000))
    first = timedelta(milliseconds=chance.randrange(50, 3_000))
    brain, model = chance.choice([("claude", "claude-sonnet-5-5"), ("openai", "gpt-6-luna"), ("openai", "gpt-6-sol")])
    running = chance.random() < 0.05
    failed = chance.random() < 0.2
    spoke = not failed or chance.random() < 0.3
    counted = not failed and chance.random() < 0.9
    return Turn(
        id=new_id(),
        session_id=message.session_id,
        owner_id=message.owner_id,
        user_message=message,
        status="running" if running else "failed" if failed else "complete",
        persona=chance.choice(["calm_coach", "drill_sergeant", EVIL]),
        persona_version=1,
        brain=brain,
        model=model,
        error=chance.choice(["provider_busy", "provider_timeout"]) if failed and not running else "",
        input_tokens=chance.randrange(5_000) if counted else None,
        output_tokens=chance.randrange(500) if counted else None,
        cache_read_tokens=chance.randrange(100) if counted else None,
        cost=Decimal(chance.randrange(10**9)).scaleb(-12) if counted and model != "gpt-6-sol" else None,
        created_at=began,
        first_token_at=began + first if spoke else None,
        finished_at=None if running else began + first + timedelta(milliseconds=chance.randrange(20_000)),
    )


def shown(client: Client, **asked: str) -> Page:
    answer = client.get("/admin/", {**ASKED, **asked})
    assert answer.status_code == 200
    page = answer.context["dashboard"]
    assert isinstance(page, Page)
    return page


def ms(since: datetime, until: datetime | None) -> int | None:
    return None if until is None else round((until - since) / timedelta(milliseconds=1))


def nearest(turns: list[Turn], name: str, share: int) -> int | None:
    """The percentile by nearest rank, of times that are there."""
    values = sorted(taken for one in turns if (taken := ms(one.created_at, getattr(one, name))) is not None)
    return values[max(0, math.ceil(len(values) * share / 100) - 1)] if values else None


def total(turns: list[Turn], name: str) -> Any:
    return sum(value for one in turns if (value := getattr(one, name)) is not None)


def expected_row(name: str, turns: list[Turn]) -> list[str]:
    cost = total(turns, "cost") if any(one.cost is not None for one in turns) else None
    spreads = [nearest(turns, field, share) for field in ("first_token_at", "finished_at") for share in (50, 95)]
    numbers = [total(turns, field) for field in ("input_tokens", "cache_read_tokens", "output_tokens")]
    failed = len([one for one in turns if one.error])
    unknown = len([one for one in turns if one.cost is None])
    return [
        name,
        f"{len(turns):,}",
        f"{failed:,}",
        *map(amounts.seconds, spreads),
        *(f"{number:,}" for number in numbers),
        amounts.dollars(cost),
        f"{unknown:,}",
    ]


def test_figures_are_those_of_the_turns(admin_client: Client) -> None:
    turns = [one for one in made(600) if one.finished_at and SINCE <= one.created_at < UNTIL]
    page = shown(admin_client)
    assert 400 < len(turns) < 600
    for title, rows in page.tables:
        names = {getattr(one, title.lower()) for one in turns}
        of = {name: [one for one in turns if getattr(one, title.lower()) == name] for name in names}
        assert sorted(rows) == sorted(expected_row(name, group) for name, group in of.items())
        assert [int(row[1]) for row in rows] == sorted((len(group) for group in of.values()), reverse=True)
    codes = {one.error for one in turns} - {""}
    assert {(code, int(number)) for code, number, _ in page.errors} == {
        (code, len([one for one in turns if one.error == code])) for code in codes
    }
    cards = {card.title: (card.value, card.below) for card in page.cards}
    assert cards["Turns"][0] == str(len(turns))
    assert cards["First token, p50"][0] == amounts.seconds(nearest(turns, "first_token_at", 50))
    assert cards["Duration, p50"][1] == f"p95 {amounts.seconds(nearest(turns, 'finished_at', 95))}"
    assert cards["Cost"][0] == amounts.dollars(total(turns, "cost"))


def test_charts_have_the_figures_of_each_hour(admin_client: Client) -> None:
    turns = [one for one in made(600) if one.finished_at and SINCE <= one.created_at < UNTIL]
    charts = shown(admin_client).charts
    hours = [datetime.fromtimestamp(at, UTC) for at in charts["at"]]
    assert (len(hours), hours[0], hours[-1]) == (49, SINCE.replace(minute=0), UNTIL.replace(minute=0))
    of = [[one for one in turns if hour <= one.created_at < hour + timedelta(hours=1)] for hour in hours]
    assert charts["turns"] == [len(group) for group in of]
    assert charts["failed"] == [len([one for one in group if one.error]) for group in of]
    for name, field in (("first", "first_token_at"), ("duration", "finished_at")):
        for share in (50, 95):
            assert charts[f"{name}{share}"] == [nearest(group, field, share) for group in of]
    assert charts["input"] == [total(group, "input_tokens") for group in of]
    assert charts["cost"] == [float(total(group, "cost")) for group in of]
    assert sum(charts["turns"]) == len(turns)


def test_a_turn_that_is_deleted_counts_no_more(admin_client: Client) -> None:
    turns = [one for one in made(40) if one.finished_at and SINCE <= one.created_at < UNTIL]
    Session.objects.filter(id=turns[0].session_id).delete()
    assert shown(admin_client).cards[0].value == str(len(turns) - 1)


def test_a_turn_may_have_waited_for_a_month_until_a_server_closed_it(admin_client: Client) -> None:
    made(1)
    Turn.objects.update(status="failed", created_at=SINCE, finished_at=SINCE + timedelta(days=40), first_token_at=None)
    assert shown(admin_client).charts["duration50"][0] == 2**31 - 1


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=40), max_size=8))
def test_percentiles_are_the_nearest_rank_of_all_parts(parts: list[list[int]]) -> None:
    values = sorted(value for part in parts for value in part)
    ranked = [values[math.ceil(len(values) * share / 100) - 1] if values else None for share in (50, 95)]
    assert figures.spread([sorted(part) for part in parts]) == figures.Spread(*ranked)


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (None, "–"),
        ("0", "$0"),
        ("1234.5", "$1,234.50"),
        ("1", "$1.00"),
        ("0.25", "$0.2500"),
        ("0.00001234", "$0.00001234"),
    ],
)
def test_money_is_said_to_four_digits_at_least(cost: str | None, said: str) -> None:
    assert amounts.dollars(None if cost is None else Decimal(cost)) == said


def test_nothing_that_is_stored_runs_in_the_page(admin_client: Client) -> None:
    made(40)
    text = admin_client.get("/admin/", ASKED).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert EVIL not in text


def test_running_turns_workers_and_breakers_are_those_of_now(admin_client: Client) -> None:
    turns = made(80)
    workers = [
        Worker.objects.create(
            host="h", pid=pid, born="1", seen_at=timezone.now(), breakers={"claude": state, "config": "closed"}
        )
        for pid, state in ((1, "open"), (2, "closed"))
    ]
    Turn.objects.filter(status="running").update(worker=workers[0].id)
    page = shown(admin_client)
    running = len([one for one in turns if one.finished_at is None])
    assert page.running == running > 0
    assert [(one.name, one.running) for one in page.workers] == [("h:1", running), ("h:2", 0)]
    assert page.breakers == [("claude", "open in 1, closed in 1", False), ("config", "closed", True)]


def test_without_turns_nothing_is_made_up(admin_client: Client) -> None:
    page = shown(admin_client)
    assert [card.value for card in page.cards] == ["0", "–", "–", "–", "0", "–"]
    assert set(page.charts["first50"]) == {None}
    assert page.errors == []


def test_a_wrong_range_is_told(admin_client: Client) -> None:
    page = shown(admin_client, to="whenever")
    assert page.wrong
    assert page.span.name == "24h"
    assert "errornote" in admin_client.get("/admin/", {"range": "own"}).content.decode()


def test_a_database_that_takes_too_long_is_given_up(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "PATIENCE", 0.05)
    monkeypatch.setattr(tallies, "TALLIES", "SELECT pg_sleep(5)")
    page = shown(admin_client)
    assert "choose a shorter one" in page.wrong
    assert page.cards == []


def test_only_who_may_look_at_turns_sees_figures(client: Client) -> None:
    operator = User.objects.create_user("operator", is_staff=True)
    client.force_login(operator)
    assert client.get("/admin/").context["dashboard"] is None
    operator.user_permissions.add(Permission.objects.get(codename="view_turn"))
    assert client.get("/admin/").context["dashboard"].span.name == "24h"
    User.objects.filter(id=operator.id).update(is_staff=False)
    assert client.get("/admin/").status_code == 302
