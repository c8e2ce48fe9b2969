"""What a reply costs: prices of models, which are data, times the tokens that the vendor counted.

The file is TOML 1.0: `[[price]]` tables as in prices.toml beside this module, whose comment tells their meaning. The setting
COACH_PRICES names another. An amount that nobody knows is None, never 0.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from brains.types import Usage

MILLION = 1_000_000
DECIMALS = 6
"""Of a price; a cost has as many more as a million has zeros."""

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})\Z")


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the file. `input` to `output` in USD for a million tokens; `up_to` in tokens of the prompt, None: any number."""

    model: str
    since: date
    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    source: str
    checked: date
    up_to: int | None = None

    def of(self, usage: Usage) -> Decimal:
        """USD, exact."""
        fresh = max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens)
        total = (
            fresh * self.input
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
            + usage.output_tokens * self.output
        )
        return total / MILLION

    def holds(self, tokens: int, on: date) -> bool:
        """Whether it is the price of a prompt of so many tokens, as far as this row by itself can tell."""
        return self.since <= on and (self.up_to is None or tokens <= self.up_to)


class Prices:
    """All rows of a file."""

    def __init__(self, rows: Sequence[Price]) -> None:
        self._of: dict[str, list[Price]] = {}
        for row in rows:
            self._of.setdefault(row.model, []).append(row)

    def find(self, model: str, tokens: int, on: date) -> Price | None:
        """The price of a prompt of so many tokens on that day; None where there is none."""
        rows = self._of.get(model) or self._of.get(_DATED.sub("", model), [])
        newest = max((row.since for row in rows if row.since <= on), default=None)
        holding = [row for row in rows if row.since == newest and row.holds(tokens, on)]
        return min(holding, key=lambda row: math.inf if row.up_to is None else row.up_to, default=None)


def cost(model: str, usage: Usage | None) -> Decimal | None:
    """What a reply of this model costs now, in USD; None where the tokens or the price are not known.

    Raises ImproperlyConfigured where the file has not been read before and can't be.
    """
    if usage is None:
        return None
    price = current().find(model, usage.input_tokens, datetime.now(UTC).date())
    return price.of(usage) if price else None


def current() -> Prices:
    """Those of the settings; the file is read once in a process. Raises ImproperlyConfigured."""
    return read(Path(settings.COACH_PRICES))


@cache
def read(path: Path) -> Prices:
    """Raise ImproperlyConfigured, with a sentence, for a file that is not there or says something else than prices."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ImproperlyConfigured(f"COACH_PRICES: {path} can't be read: {error.strerror}.") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are
        raise ImproperlyConfigured(f"COACH_PRICES: {path} is not TOML: {error}") from error
    rows = data.get("price", [])
    if data.keys() - {"price"} or not isinstance(rows, list):
        raise ImproperlyConfigured(f"COACH_PRICES: {path} may hold [[price]] tables alone.")
    return Prices([_price(row, f"COACH_PRICES: {path}, price {number}") for number, row in enumerate(rows, 1)])


def _price(row: Any, where: str) -> Price:
    if not isinstance(row, Mapping):
        raise ImproperlyConfigured(f"{where} is no table.")
    names = {each.name for each in fields(Price)}
    if unknown := row.keys() - names:
        raise ImproperlyConfigured(f"{where}: there is no {', '.join(sorted(unknown))}.")
    if missing := names - row.keys() - {"up_to"}:
        raise ImproperlyConfigured(f"{where} lacks {', '.join(sorted(missing))}.")
    amounts = {name: _amount(row[name]) for name in ("input", "cache_read", "cache_write", "output")}
    fine = (
        all(isinstance(row[name], str) and row[name] for name in ("model", "source"))
        and all(type(row[name]) is date for name in ("since", "checked"))
        and type(row.get("up_to", 1)) is int
        and row.get("up_to", 1) > 0
    )
    if not fine or None in amounts.values():
        raise ImproperlyConfigured(
            f"{where}: model and source are text, since and checked dates, up_to is a whole number, and prices are numbers "
            f"from 0 up with at most {DECIMALS} decimals."
        )
    return Price(**{**row, **amounts})


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    fine = amount.is_finite() and 0 <= amount < MILLION and amount == round(amount, DECIMALS)
    return amount if fine else None
