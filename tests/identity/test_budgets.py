"""Budgets in the admin: written, checked, and shown with what is spent of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity.models import Budget, Owner, Spending
from identity.quotas import subject

pytestmark = pytest.mark.database

LIST, ADD = "admin:identity_budget_changelist", "admin:identity_budget_add"


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="not-used-here-1"))
    return client


def add(admin: Client, **fields: object) -> str:
    return admin.post(reverse(ADD), {"whose": "user", "app": "", **fields}, follow=True).content.decode()


def test_a_budget_says_how_much_and_is_there_once(admin: Client) -> None:
    owner = Owner.objects.create(app="main", external_id="kari")
    assert "Say how many tokens, or how much." in add(admin)
    assert "names no app" in add(admin, user=owner.pk, app="main", tokens=5)
    assert not Budget.objects.exists()
    add(admin, tokens=50_000)
    add(admin, user=owner.pk, cost="1.50")
    assert "already exists" in add(admin, tokens=60_000)
    assert [(each.user_id, each.tokens, each.cost) for each in Budget.objects.order_by("id")] == [
        (None, 50_000, None),
        (owner.pk, None, Decimal("1.5")),
    ]


def test_the_list_shows_what_is_spent_today_in_as_many_queries_as_for_one(admin: Client) -> None:
    today = timezone.now().date()
    Budget.objects.create(whose="user", tokens=10)
    Budget.objects.create(whose="app", app="main", cost=3)
    Spending.objects.create(subject=subject("main"), day=today, tokens=1234, cost=Decimal("0.25"))
    with CaptureQueriesContext(connection) as few:
        page = admin.get(reverse(LIST)).content.decode()
    assert "1,234 tokens, 0.2500 USD" in page
    assert "by each" in page
    for number in range(5):
        owner = Owner.objects.create(app="main", external_id=f"user-{number}")
        Budget.objects.create(user=owner, tokens=100)
        Spending.objects.create(subject=subject("main", owner.external_id), day=today, tokens=number, cost=0)
    with CaptureQueriesContext(connection) as many:
        page = admin.get(reverse(LIST)).content.decode()
    assert "of main/user-4" in page
    assert "4 tokens, 0.0000 USD" in page
    assert len(many) == len(few)
