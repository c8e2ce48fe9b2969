"""manage.py brain list | status | use ALIAS | test ALIAS"""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from brains import health, registry, switching
from brains.errors import BrainError
from brains.retries import NO_RETRIES
from brains.router import Router
from brains.types import Answering, BrainEvent, Line, Prompt, Stop, TextDelta, Usage
from problems import Problem

QUESTION = Prompt(
    system=("You are a friendly coach. Answer in one short sentence.",),
    lines=(Line("user", "What is one good habit to begin today?"),),
)


class Command(BaseCommand):
    help = "Shows, tries and switches the brains that answer."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|status|use|test")
        actions.add_parser("list", help="all brains of the settings, and which is active")
        actions.add_parser("status", help="how they are: each that has its key is asked")
        for name, what in (("use", "answer with this brain from now on"), ("test", "ask it one short real question")):
            actions.add_parser(name, help=what).add_argument("alias", metavar="ALIAS")

    def handle(self, *args: Any, action: str, alias: str = "", **options: Any) -> None:
        actions: dict[str, Callable[[], None]] = {
            "list": self._list,
            "status": self._status,
            "use": lambda: self._use(alias),
            "test": lambda: self._test(alias),
        }
        try:
            actions[action]()
        except Problem as problem:
            raise CommandError(problem.message) from problem

    def _list(self) -> None:
        active = switching.active()
        rows = [("", "brain", "kind", "model", "needs")]
        for name in registry.aliases():
            mark = "*" if name == active else ""
            rows.append((mark, name, registry.kind(name), registry.model(name), ", ".join(registry.missing(name))))
        self._table(rows)
        self._say_if_unknown(active)

    def _status(self) -> None:
        active = switching.active()
        report, warnings = asyncio.run(_examined(active))
        rows = [("", "brain", "model", "state", "")]
        for brain in report.brains:
            mark = "*" if brain.name == active else ""
            rows.append((mark, brain.name, brain.model, brain.state, brain.message))
        self._table(rows)
        for warning in warnings:
            self.stderr.write(self.style.WARNING(warning))
        self._say_if_unknown(active)
        if not report.healthy:
            raise CommandError(f"The active brain is not well: {report.message}")

    def _use(self, alias: str) -> None:
        made = switching.switch(alias, f"{getpass.getuser()} (manage.py)")
        self.stdout.write(f"The next turn is answered by {made.to_alias} (before: {made.from_alias}).")

    def _test(self, alias: str) -> None:
        if alias not in registry.aliases():
            raise CommandError(f"There is no brain {alias!r}; there are {', '.join(registry.aliases())}.")
        asyncio.run(self._ask(alias))

    async def _ask(self, alias: str) -> None:
        """One real question to this brain alone, asked once, its words shown as they come."""
        first: float | None = None
        usage: Usage | None = None
        begun = 0.0

        def hear(event: Answering | BrainEvent) -> None:
            nonlocal first, usage
            match event:
                case Answering(_, model, _):
                    self.stdout.write(f"{alias} ({model}):")
                case TextDelta(text):
                    first = time.monotonic() - begun if first is None else first
                    self.stdout.write(text, ending="")
                    self.stdout.flush()
                case Usage():
                    usage = event
                case Stop(reason):
                    self.stdout.write(f"\n{_told(reason, first, time.monotonic() - begun, usage)}")

        try:
            await registry.warm(alias)
            begun = time.monotonic()
            await Router(falls_back=False, retries=NO_RETRIES).think(alias, QUESTION, hear)
        except BrainError:
            if first is not None:
                self.stdout.write("")
            raise
        finally:
            await registry.close()

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _say_if_unknown(self, active: str) -> None:
        if active not in registry.aliases():
            self.stderr.write(self.style.WARNING(f"Active is {active!r}, which the settings don't have: use another."))


async def _examined(active: str) -> tuple[health.HealthReport, list[str]]:
    """The report, and what the SDKs say against models."""
    warnings = []
    try:
        report = await health.report(active)
        for alias in registry.aliases():
            if not registry.missing(alias) and (warning := (await registry.get(alias)).deprecation()):
                warnings.append(warning)
    finally:
        await registry.close()
    return report, warnings


def _told(reason: str, first: float | None, total: float, usage: Usage | None) -> str:
    if first is None:
        return f"{reason}, without a word, after {total:.2f} s."
    tokens = f", {usage.input_tokens} tokens in, {usage.output_tokens} out" if usage else ""
    return f"{reason}: first word after {first:.2f} s, all of it after {total:.2f} s{tokens}."
