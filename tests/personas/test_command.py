"""manage.py personas: coaches move between machines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from personas import seed, versions
from personas.models import Persona

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("personas", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_an_export_comes_back_whole_on_an_empty_table(tmp_path: Path) -> None:
    seed.seed()
    before = {
        each.id: versions.content(each.current) for each in Persona.objects.select_related("current") if each.current
    }
    file = tmp_path / "coaches.json"
    run("export", "-o", str(file))
    assert run("import", str(file)).count("unchanged") == 5
    Persona.objects.update(current=None)
    Persona.objects.all().delete()
    assert run("import", str(file)).count("made") == 5
    after = {
        each.id: versions.content(each.current) for each in Persona.objects.select_related("current") if each.current
    }
    assert after == before
    assert Persona.objects.filter(published=True).count() == 5


def test_chosen_ones_can_be_exported_and_unknown_ones_are_told(tmp_path: Path) -> None:
    seed.seed()
    assert [each["id"] for each in json.loads(run("export", "calm_coach"))["personas"]] == ["calm_coach"]
    with pytest.raises(CommandError, match="nobody"):
        run("export", "nobody")


def test_an_import_is_all_or_nothing(tmp_path: Path) -> None:
    seed.seed()
    data = json.loads(run("export"))
    data["personas"][0]["name"] = "Changed"
    data["personas"][-1]["tone"] = "cruel"
    file = tmp_path / "coaches.json"
    file.write_text(json.dumps(data))
    with pytest.raises(CommandError, match="tone"):
        run("import", str(file))
    assert not Persona.objects.filter(current__name="Changed").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "coach-personas-1", "personas": [{"id": "Not An Id"}]}'])
def test_what_is_no_export_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "coaches.json"
    file.write_text(text)
    with pytest.raises(CommandError):
        run("import", str(file))


def test_the_list_lines_up() -> None:
    seed.seed()
    lines = run("list").splitlines()
    assert len(lines) == 6
    at = lines[0].index("version")
    assert all(line[at] in "1v" for line in lines)
