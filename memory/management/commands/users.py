"""manage.py users export | erase: all that is kept of a user, to take along or to be rid of."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity.models import Owner
from memory import erasure, exports


class Command(BaseCommand):
    help = "Export or erase all that is kept of a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="profile, facts with sources, sessions with messages, as JSON")
        export.add_argument("-o", "--output", type=Path, help="a file; standard output if absent")
        erase = actions.add_parser("erase", help="delete the user and everything of theirs; it can't be undone")
        erase.add_argument("--yes", action="store_true", help="do not ask")
        for one in (export, erase):
            one.add_argument("id", help="the app's id for its user")
            one.add_argument("--app", default="", help="whose user; in open mode there is one app, without a name")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = Owner.objects.filter(app=options["app"], external_id=options["id"]).first()
        if owner is None:
            raise CommandError(
                f"Nothing is kept of {options['id']}" + (f" of {options['app']}." if options["app"] else ".")
            )
        if options["action"] == "export":
            self._export(owner, options["output"])
        else:
            self._erase(owner, sure=options["yes"])

    def _export(self, owner: Owner, output: Path | None) -> None:
        if output is None:
            for part in exports.parts(owner):
                self.stdout.write(part, ending="")
            return
        with output.open("w", encoding="utf-8") as file:
            file.writelines(exports.parts(owner))
        self.stderr.write(f"wrote {output}")

    def _erase(self, owner: Owner, *, sure: bool) -> None:
        if not sure:
            if not sys.stdin.isatty():
                raise CommandError("This deletes everything of the user; say --yes.")
            if input(f"Delete everything of {owner}? Type the user's id: ") != owner.external_id:
                raise CommandError("Nothing was deleted.")
        gone = erasure.erase(owner)
        self.stdout.write(f"erased {owner}: {gone.sessions} sessions, {gone.facts} facts")
