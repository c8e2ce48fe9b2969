"""manage.py personas: list, seed, and move coaches between machines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from personas import seed, versions
from personas.content import PersonaContent, content_of
from personas.models import PERSONA_ID, Persona
from problems import Invalid

FORMAT = "coach-personas-1"


class Command(BaseCommand):
    help = "List, seed, export and import personas."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="all personas")
        actions.add_parser("seed", help="make the coaches that every installation begins with")
        export = actions.add_parser("export", help="write personas as JSON")
        export.add_argument("ids", nargs="*", help="which; all if absent")
        export.add_argument("-o", "--output", type=Path, help="a file; standard output if absent")
        bring = actions.add_parser("import", help="read personas from JSON; all or nothing")
        bring.add_argument("file", type=Path, help="a file, or - for standard input")
        bring.add_argument("--publish", action="store_true", help="publish what is new")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            match options["action"]:
                case "list":
                    self._list()
                case "seed":
                    self._seed()
                case "export":
                    self._export(options["ids"], options["output"])
                case "import":
                    self._import(options["file"], options["publish"])
        except Invalid as problem:
            sentences = [f"{name}: {' '.join(found)}" for name, found in problem.fields.items()]
            raise CommandError("\n".join([problem.message, *sentences])) from problem

    def _list(self) -> None:
        rows = [("id", "name", "version", "tone", "published")]
        for persona in Persona.objects.select_related("current"):
            now = persona.current
            state = "yes" if persona.published else "no"
            rows.append(
                (persona.id, now.name if now else "", str(now.number if now else ""), now.tone if now else "", state)
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            self.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def _seed(self) -> None:
        made = seed.seed()
        self.stdout.write(f"made {', '.join(made)}" if made else "nothing to make")

    def _export(self, ids: list[str], output: Path | None) -> None:
        found = list(Persona.objects.select_related("current").filter(**({"id__in": ids} if ids else {})))
        if missing := set(ids) - {persona.id for persona in found}:
            raise CommandError(f"There is no persona {', '.join(sorted(missing))}.")
        personas = [
            {
                "id": each.id,
                "position": each.position,
                "published": each.published,
                **versions.content(each.current).as_dict(),
            }
            for each in found
            if each.current
        ]
        text = json.dumps({"format": FORMAT, "personas": personas}, ensure_ascii=False, indent=2)
        if output is None:
            self.stdout.write(text)
        else:
            output.write_text(text + "\n", encoding="utf-8")
            self.stderr.write(f"{len(personas)} personas written to {output}")

    def _import(self, file: Path, publish: bool) -> None:
        checked = _read(file)
        with transaction.atomic():
            for name, position, published, content in checked:
                persona, made = Persona.objects.get_or_create(id=name, defaults={"position": position})
                before = persona.current_id
                version = versions.save(name, content, "import", f"Imported from {file.name}.")
                if made and (publish or published):
                    versions.publish(name)
                word = "made" if made else "unchanged" if version.id == before else "changed"
                self.stdout.write(f"{name}: {word}, version {version.number}")


def _read(file: Path) -> list[tuple[str, int, bool, PersonaContent]]:
    """Every persona of the file, checked. Raises CommandError and Invalid before anything is stored."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        data = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("personas"), list):
        raise CommandError(f"{file} is no export of personas: its format must be {FORMAT}.")
    found = []
    for values in data["personas"]:
        if not isinstance(values, dict) or not PERSONA_ID.fullmatch(str(values.get("id", ""))):
            raise CommandError(f"{file}: each persona needs an id of lower-case letters, digits and underscores.")
        rest = {name: value for name, value in values.items() if name not in ("id", "position", "published")}
        position = values.get("position", 100)
        if not isinstance(position, int) or not 0 <= position < 32_768:
            raise CommandError(f"{file}: position must be a number from 0 to 32767.")
        found.append((values["id"], position, bool(values.get("published", False)), content_of(rest)))
    return found
