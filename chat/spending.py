"""What a turn may spend at most, what it has spent, and how a budget refuses (identity.models: Budget, Spending, Reservation).

Reserved is the prompt's estimate and the longest reply, at the price of the brain that is asked first. The end puts what the
vendor counted in its place; where it did not count, as of a turn that was stopped, what can be told from the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from brains import prices, registry
from brains.types import Usage
from chat.prompts import CHARS_PER_TOKEN
from identity.quotas import Quota, subject
from problems import BudgetExceeded

NOTHING = Decimal(0)
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Need:
    """Of a turn that is to begin, at most. `input_tokens` and `input_cost` are the prompt's; `output_cost` is USD a token."""

    tokens: int
    cost: Decimal
    input_tokens: int
    input_cost: Decimal
    output_cost: Decimal

    def of(self, text: str) -> tuple[int, Decimal]:
        """Tokens and USD of a reply of this text, estimated."""
        said = math.ceil(len(text) / CHARS_PER_TOKEN)
        return self.input_tokens + said, self.input_cost + said * self.output_cost


@dataclass(frozen=True, slots=True)
class Spender:
    """Who spends: an app, and the user where that is one in particular (`owner`; else None)."""

    app: str
    user: str
    owner: int | None

    def subjects(self) -> dict[str, str]:
        """Under which names it is counted."""
        return {"app_subject": subject(self.app), "user_subject": subject(self.app, self.user)}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A budget, and what is spent and reserved of it with the turn that is to begin. None: no bound."""

    whose: str
    tokens: int | None
    cost: Decimal | None
    tokens_now: int
    cost_now: Decimal


def need(alias: str, input_tokens: int) -> Need:
    """Of a turn with that brain. A model without a price costs nothing here, as it does in the admin's figures."""
    model, longest = registry.model(alias), registry.output_tokens(alias)
    prompt = prices.cost(model, Usage(input_tokens, 0)) or NOTHING
    whole = prices.cost(model, Usage(input_tokens, longest)) or NOTHING
    return Need(input_tokens + longest, whole, input_tokens, prompt, (whole - prompt) / longest)


def spent(
    need: Need | None, usage: Usage | None, cost: Decimal | None, text: str, *, failed: bool
) -> tuple[int, Decimal]:
    """Tokens and USD of a turn that has ended. One that failed before its first word has cost nothing."""
    if need is None:
        return 0, NOTHING
    if usage is not None:
        return usage.input_tokens + usage.output_tokens, cost or NOTHING
    return (0, NOTHING) if failed and not text else need.of(text)


def refused(drawn: Sequence[Drawn], need: Need) -> BudgetExceeded | None:
    """What to say of the first budget that the turn would overdraw."""
    for each in drawn:
        if each.tokens is not None and each.tokens_now > each.tokens:
            left = max(0, each.tokens - (each.tokens_now - need.tokens))
            quota = Quota(f"{each.whose}-tokens", each.tokens, left, DAY, _until_tomorrow())
            return _exceeded(
                each.whose, f"{left} of {each.tokens} tokens are left, and it may take {need.tokens}", quota
            )
        if each.cost is not None and each.cost_now > each.cost:
            return _exceeded(each.whose, "what is left of it might not be enough")
    return None


def _exceeded(whose: str, why: str, quota: Quota | None = None) -> BudgetExceeded:
    return BudgetExceeded(
        f"The {whose}'s budget of this day does not hold this turn: {why}. The day ends at 00:00 UTC.",
        retry_after=_until_tomorrow(),
        more_headers=quota.headers() if quota else {},
    )


def _until_tomorrow() -> int:
    """s"""
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return math.ceil((midnight - now).total_seconds())
