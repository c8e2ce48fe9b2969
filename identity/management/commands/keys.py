"""manage.py keys: make, list and revoke the keys of apps."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from identity import keys
from identity.callers import SCOPES
from identity.models import MAIN_APP, ApiKey

SOON = timedelta(days=14)


class Command(BaseCommand):
    help = "Make, list and revoke the API keys of apps."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key; it is shown once, alone on the last line")
        create.add_argument("name", help="what it is for")
        create.add_argument("--scopes", default="chat", help=f"of {', '.join(SCOPES)}, with commas; chat if absent")
        create.add_argument("--app", default=MAIN_APP, help=f"whose users it reaches; {MAIN_APP} if absent")
        create.add_argument("--days", type=int, help="until it expires; never if absent")
        actions.add_parser("list", help="all keys")
        revoke = actions.add_parser("revoke", help="end a key; it is refused a second later")
        revoke.add_argument("name", help="its name or id")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                self._create(options["name"], options["app"], options["scopes"], options["days"])
            case "list":
                self._list()
            case "revoke":
                self._revoke(options["name"])

    def _create(self, name: str, app: str, scopes: str, days: int | None) -> None:
        wanted = {scope.strip() for scope in scopes.split(",") if scope.strip()}
        if unknown := wanted - SCOPES.keys():
            raise CommandError(f"There is no scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}.")
        if not wanted:
            raise CommandError(f"Name at least one scope of {', '.join(SCOPES)}.")
        if days is not None and days < 1:
            raise CommandError("A key has to be good for a day at least.")
        expires = timezone.now() + timedelta(days=days) if days else None
        try:
            made, text = keys.make(name, app, wanted, expires)
        except ValidationError as error:
            sentences = (f"{field}: {' '.join(found)}" for field, found in error.message_dict.items())
            raise CommandError("\n".join(sentences)) from error
        self.stderr.write(
            f"The key {made.name} of the app {made.app} may {', '.join(made.scopes)}. It is shown only now:"
        )
        self.stdout.write(text)

    def _list(self) -> None:
        rows = [("id", "name", "app", "scopes", "state", "last used")]
        for key in ApiKey.objects.order_by("created_at", "id"):
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            rows.append((key.id, key.name, key.app, ",".join(key.scopes), key.state(), used))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            self.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def _revoke(self, name: str) -> None:
        found = ApiKey.objects.filter(name=name) | ApiKey.objects.filter(id=name)
        if not found:
            raise CommandError(f"There is no key {name}.")
        found.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.stdout.write(f"The key {name} is revoked.")
