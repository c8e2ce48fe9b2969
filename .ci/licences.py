"""docs/licences.md, made of what the installed packages say: `python .ci/licences.py`; with --check, whether it is current."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "licences.md"

HEAD = """# Licences

Of all that the server is installed with, as the packages say it; made by `.venv/bin/python .ci/licences.py` from
requirements.txt. What is vendored stands below, with its licence's text beside it. None asks more of a service than to keep
its notice; packages of the LGPL and the MPL are used as they come.

| package | version | licence |
| --- | --- | --- |
"""
VENDORED = """
| vendored | version | licence | where |
| --- | --- | --- | --- |
| marked | 18.2.1 | MIT | [web/vendor](../web/vendor/README.md) |
| DOMPurify | 3.4.18 | MPL-2.0 or Apache-2.0 | [web/vendor](../web/vendor/README.md) |
| uPlot | 1.6.32 | MIT | [chat/static/chat/vendor](../chat/static/chat/vendor/README.md) |
| axe-core, for tests alone | 4.14.1 | MPL-2.0 | tests/web/vendor |
"""
REFUSED = re.compile(r"\bA?GPL|General Public License(?! v\d or later \(LGPL)", re.IGNORECASE)
ALLOWED = re.compile(r"LGPL|Lesser", re.IGNORECASE)


def locked() -> Iterator[tuple[str, str]]:
    """Name and version of each package that is installed here."""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", line):
            yield found[1], found[2]


def licence(name: str) -> str:
    """As an SPDX expression, else as its classifiers say, else the first line of what it says."""
    told = metadata(name)
    if expression := told.get("License-Expression"):
        return str(expression)
    classifiers = [each.split(" :: ")[-1] for each in told.get_all("Classifier", ()) if each.startswith("License :: ")]
    if named := [each for each in classifiers if each != "OSI Approved"]:
        return " or ".join(sorted(set(named)))
    return (str(told.get("License") or "").strip().splitlines() or ["not said"])[0][:60]


def document() -> str:
    rows = []
    for name, version in sorted(locked(), key=lambda each: each[0].lower()):
        try:
            rows.append(f"| {name} | {version} | {licence(name)} |\n")
        except PackageNotFoundError:
            rows.append(f"| {name} | {version} | for another platform |\n")
    return HEAD + "".join(rows) + VENDORED


def main() -> int:
    text = document()
    refused = [line for line in text.splitlines() if REFUSED.search(line) and not ALLOWED.search(line)]
    if refused:
        print("These licences reach further than their package:", *refused, sep="\n")
        return 1
    if "--check" not in sys.argv:
        DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    if DOCUMENT.read_text(encoding="utf-8") != text:
        print("docs/licences.md is not current: .venv/bin/python .ci/licences.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
