"""manage.py memory stats | recall | export | forget | reindex | bench"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError

from chat.ids import outside
from identity.callers import ANONYMOUS
from identity.models import Owner
from memory import bench, counts, exports, profiles, recall, reindexing
from problems import Problem

SHOWN = 100
"""Characters of a message in a table."""


class Command(BaseCommand):
    help = "The long-term memory: what it holds, what it finds, and what is to be forgotten."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="stats|recall|export|forget|reindex|bench"
        )
        actions.add_parser("stats", help="how much is kept, and what waits")
        recalling = actions.add_parser("recall", help="what a message would bring back")
        export = actions.add_parser("export", help="all that is kept of a user, as JSON")
        forget = actions.add_parser("forget", help="forget a topic, or all that was learned")
        reindex = actions.add_parser("reindex", help="make the recall index anew")
        actions.add_parser("bench", help="serve the operations of a memory benchmark on standard input and output")
        for one in (recalling, export, forget):
            one.add_argument("user", metavar="USER", help="the app's id for its user")
        for one in (recalling, export, forget, reindex):
            one.add_argument("--app", default="", help="whose user; in open mode there is one app, without a name")
        recalling.add_argument("query", metavar="QUERY")
        recalling.add_argument("--most", type=int, default=10, help="messages; 10 if absent")
        export.add_argument("-o", "--output", type=Path, help="a file; standard output if absent")
        what = forget.add_mutually_exclusive_group(required=True)
        what.add_argument("--topic", help="facts and messages about it")
        what.add_argument("--all", action="store_true", help="everything learned until now; sessions stay")
        reindex.add_argument("user", metavar="USER", nargs="?", help="the app's id for its user")
        reindex.add_argument("--all", action="store_true", help="every user of every app")
        reindex.add_argument("--facts", action="store_true", help="and have facts drawn again, in the background")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        actions: dict[str, Callable[..., None]] = {
            "stats": self._stats,
            "recall": self._recall,
            "export": self._export,
            "forget": self._forget,
            "reindex": self._reindex,
            "bench": self._bench,
        }
        try:
            actions[action](**options)
        except Problem as problem:
            sentences = [f"{name}: {' '.join(found)}" for name, found in problem.fields.items()]
            raise CommandError("\n".join([problem.message, *sentences])) from problem

    def _stats(self, **_: Any) -> None:
        self._table([("", "rows"), *((name, f"{number:,}") for name, number in counts.rows())])
        self.stdout.write("")
        self._table(
            [("kind", "live", "closed"), *((kind, str(live), str(closed)) for kind, live, closed in counts.facts())]
        )
        self.stdout.write("")
        waiting = counts.waiting()
        found = f"{waiting.found_until:%Y-%m-%d %H:%M:%S} UTC" if waiting.found_until else "never"
        self.stdout.write(f"turns found until {found}; {waiting.turns} to find, {waiting.lessons} to draw facts from")

    def _recall(self, *, app: str, user: str, query: str, most: int, **_: Any) -> None:
        if not 1 <= most <= 1000:
            raise CommandError("--most takes a number from 1 to 1000.")
        owner = _owner(app, user)
        now = datetime.now(ZoneInfo(owner.time_zone or "UTC"))
        found = recall.recall(owner.pk, query, now, most)
        if not found:
            self.stdout.write("Nothing is recalled.")
            return
        rows = [("score", "said at", "by", "message", "text")]
        for one in found:
            text = " ".join(one.text.split())
            rows.append(
                (
                    f"{one.score:.2f}",
                    f"{one.at:%Y-%m-%d %H:%M}",
                    one.role,
                    outside("msg", one.message),
                    text if len(text) <= SHOWN else f"{text[:SHOWN]}…",
                )
            )
        self._table(rows)

    def _export(self, *, app: str, user: str, output: Path | None, **_: Any) -> None:
        pieces = exports.parts(_owner(app, user))
        if output is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        try:
            with output.open("w", encoding="utf-8") as file:
                file.writelines(pieces)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}") from error
        self.stderr.write(f"{user} written to {output}")

    def _forget(self, *, app: str, user: str, topic: str | None, **_: Any) -> None:
        owner = _owner(app, user)
        gone = profiles.forget_all(owner) if topic is None else profiles.forget_topic(owner, topic)
        self.stdout.write(f"forgotten: {gone.facts} facts; {gone.messages} messages are recalled no more")

    def _reindex(self, *, app: str, user: str | None, facts: bool, **options: Any) -> None:
        if (user is None) == (not options["all"]):
            raise CommandError("Name a USER, or say --all.")
        named = Owner.objects.exclude(external_id=ANONYMOUS).order_by("id")
        owners = [_owner(app, user)] if user is not None else list(named)
        for number, owner in enumerate(owners, 1):
            taken = 0
            for taken in reindexing.reindex(owner):
                self._say(f"{number} of {len(owners)}: {owner}, {taken} messages …")
            turns = f"; facts will be drawn from {reindexing.relearn(owner)} turns" if facts else ""
            self.stdout.write(f"{owner}: {taken} messages{turns}")

    def _bench(self, **_: Any) -> None:
        bench.serve(sys.stdin, self.stdout)

    def _say(self, line: str) -> None:
        """How far it is, where a person watches."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{line}", ending="\r")

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _owner(app: str, user: str) -> Owner:
    found = Owner.objects.filter(app=app, external_id=user).first()
    if found is None:
        raise CommandError(f"There is no user {user!r}{f' of {app!r}' if app else ''}.")
    return found
