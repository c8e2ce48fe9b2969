"""clients/web: its own tests, the real server among what they talk to; its types, and what it has of the server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.clients import node
from tests.serving import Server
from tests.vendor import Scenario, Vendor

pytestmark = pytest.mark.xdist_group("clients")

CLIENTS = node.WEB.parent
REFRESH = "The server has changed: clients/refresh"


def test_all_its_tests_pass_here_and_against_the_server(vendored: Server, vendor: Vendor, tmp_path: Path) -> None:
    vendor.base = Scenario(words=40, pace=0.01)
    done, counts = vitest(tmp_path, COACH_URL=vendored.url, COACH_VENDOR_URL=vendored.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["numPassedTests"] == counts["numTotalTests"] > 90, done.stdout


def vitest(folder: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
    """Its run, and how many tests did what."""
    report = folder / "report.json"
    reporters = ["--reporter=default", "--reporter=json", f"--outputFile.json={report}"]
    done = node.run("vitest", "run", *reporters, NO_COLOR="1", **environment)
    return done, json.loads(report.read_text(encoding="utf-8"))


def test_its_types_hold_and_it_is_built(tmp_path: Path) -> None:
    checked = node.run("tsc")
    assert checked.returncode == 0, checked.stdout
    built = node.run("tsc", "-p", "tsconfig.build.json", "--outDir", str(tmp_path))
    assert built.returncode == 0, built.stdout
    package = json.loads((node.WEB / "package.json").read_text(encoding="utf-8"))
    for entry in package["exports"].values():
        for file in (entry["types"], entry["default"]):
            assert (tmp_path / Path(file).relative_to("dist")).exists()
        assert (node.WEB / entry["source"]).exists()
    assert ".ts" not in (tmp_path / "index.js").read_text(encoding="utf-8")
    assert list(package["dependencies"]) == ["eventsource-parser"]


def test_the_description_that_its_types_are_made_of_is_the_servers(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(fresh))
    assert (CLIENTS / "openapi.json").read_bytes() == fresh.read_bytes(), REFRESH


def test_its_types_are_made_of_that_description() -> None:
    done = node.run("openapi-typescript", "../openapi.json", "-o", "src/schema.ts", "--check")
    assert done.returncode == 0, f"{REFRESH}\n{done.stdout}{done.stderr}"
