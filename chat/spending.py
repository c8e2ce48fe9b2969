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


# --- in the database --------------------------------------------------------------------------------------------------

# Of each kind of budget the most particular one holds: that of the user, then those of the app, then those of every app.
_BUDGETS = """
    SELECT DISTINCT ON (whose) whose, tokens, cost,
           CASE whose WHEN 'user' THEN %(user_subject)s ELSE %(app_subject)s END AS subject
    FROM identity_budget
    WHERE app IN (%(app)s, '')
      AND (whose = 'app' OR %(owner)s::bigint IS NOT NULL AND (user_id IS NULL OR user_id = %(owner)s))
    ORDER BY whose, user_id NULLS LAST, app DESC
"""

_DRAWN = """
drawn AS (
    INSERT INTO identity_spending AS s (subject, day, tokens, cost)
    SELECT subject, (now() AT TIME ZONE 'UTC')::date, %(tokens)s, %(cost)s FROM budget ORDER BY subject
    ON CONFLICT (subject, day) DO UPDATE SET tokens = s.tokens + excluded.tokens, cost = s.cost + excluded.cost
    RETURNING subject, day, tokens, cost
)
"""

# In one transaction with the beginning and after it, so that all lock a session first and what it spends then, by subject.
RESERVE = f"""
WITH budget AS ({_BUDGETS}), {_DRAWN}, reserved AS (
    INSERT INTO identity_reservation (turn, subject, day, made_at, tokens, cost, input_tokens, input_cost, output_cost)
    SELECT %(turn)s, subject, day, now(), %(tokens)s, %(cost)s, %(input_tokens)s, %(input_cost)s, %(output_cost)s FROM drawn
)
SELECT b.whose, b.tokens, b.cost, d.tokens, d.cost FROM budget b JOIN drawn d USING (subject) ORDER BY b.whose DESC
"""  # noqa: S608 — only constants of this module

# What was spent without being reserved.
SPEND = f"""
WITH budget AS ({_BUDGETS}), {_DRAWN}
SELECT count(*) FROM drawn
"""  # noqa: S608 — only constants of this module

# What is freed, in `freed` (subject, day, tokens, cost: reserved less spent), leaves the day's spending.
SETTLED = """
owed AS (
    SELECT subject, day, sum(tokens) AS tokens, sum(cost) AS cost FROM freed GROUP BY subject, day
), locked AS (
    SELECT s.subject, s.day, o.tokens, o.cost FROM identity_spending s JOIN owed o USING (subject, day)
    ORDER BY s.subject, s.day FOR NO KEY UPDATE OF s
), settled AS (
    UPDATE identity_spending s SET tokens = s.tokens - l.tokens, cost = s.cost - l.cost
    FROM locked l WHERE s.subject = l.subject AND s.day = l.day
)
"""

FREED = "RETURNING r.subject, r.day, r.tokens - %(spent_tokens)s AS tokens, r.cost - %(spent_cost)s::numeric AS cost"

# Of a turn that is gone.
SETTLE = f"""
WITH freed AS (DELETE FROM identity_reservation r WHERE r.turn = %(turn)s {FREED}), {SETTLED}
SELECT count(*) FROM freed
"""  # noqa: S608 — only constants of this module

# Of turns that are gone with their worker: nobody knows what they said.
SETTLE_LOST = f"""
WITH freed AS (
    DELETE FROM identity_reservation r
    WHERE r.made_at < now() - make_interval(secs => %(age)s::float8)
      AND NOT EXISTS (SELECT 1 FROM chat_turn t WHERE t.id = r.turn AND t.status = 'running')
    RETURNING r.subject, r.day, r.tokens - r.input_tokens AS tokens, r.cost - r.input_cost AS cost
), {SETTLED}
SELECT count(*) FROM freed
"""  # noqa: S608 — only constants of this module

FORGET_SPENDING = "DELETE FROM identity_spending WHERE day < (now() AT TIME ZONE 'UTC')::date - 7"
