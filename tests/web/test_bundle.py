"""The page's modules joined into one: in order, each once, and what does not fit together is refused by name."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.node import NODE, environment
from web import assets
from web.bundle import CanNotJoin, joined, without_comments

PARTS = {
    "main.js": 'import { half, whole } from "./sums.js";\nimport { one } from "./one.js";\nconsole.log(half(whole) + one);\n',
    "sums.js": 'import { one } from "./one.js";\n\n// A comment.\nexport const whole = 4 * one;\n\nexport function half(of) {\n'
    "  /* another,\n     longer one */\n  const one = of / 2; // its own\n  return `'${one}'`;\n}\n",
    "one.js": "export const one = 1;\n",
}


@pytest.mark.parametrize(
    "line", ['const a = " // b";', "a = `x // ${b}`;", "a = b.match(/ // c/);", "a = b; // isn't c"]
)
def test_what_may_be_code_is_no_comment(line: str) -> None:
    assert without_comments(line) == line


def test_modules_run_as_one() -> None:
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", joined(PARTS, "main.js")],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "'2'1\n"


def test_comments_and_indentation_are_left_out() -> None:
    text = joined(PARTS, "main.js")
    assert "A comment" not in text
    assert "longer one" not in text
    assert "its own" not in text
    assert not [line for line in text.splitlines() if line != line.strip() or not line]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"one.js": "export const one = 1;\nconst half = 2;\n"}, "sums.js declares half, and so does one.js."),
        ({"one.js": "const one = 1;\n"}, "sums.js imports one, which one.js does not export."),
        ({"main.js": 'import { two } from "./two.js";\n'}, "main.js needs two.js, which is not there."),
        (
            {"one.js": 'import { half } from "./sums.js";\nexport const one = 1;\n'},
            "sums.js → one.js → sums.js: a circle.",
        ),
        ({"one.js": 'import * as all from "./sums.js";\n'}, "one.js: write 'import * as all from \"./sums.js\";'"),
        ({"one.js": "const one = 1;\nexport { one };\n"}, "one.js: 'export { one };' is not a declaration."),
    ],
    ids=["twice", "unexported", "missing", "circle", "form", "list"],
)
def test_what_does_not_fit_is_refused(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(CanNotJoin) as refused:
        joined({**PARTS, **changes}, "main.js")
    assert sentence in str(refused.value)


def test_the_page_is_one_script_of_less_than_45_kb_with_its_libraries() -> None:
    files = assets.made()
    assert sum(len(file.compressed) for file in (files.script, files.libraries)) < 44_000
    checked = subprocess.run(
        [NODE, "--check", "--input-type=module", "-"],
        env=environment(),
        input=files.script.content.decode(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr


def test_a_name_is_as_old_as_its_content() -> None:
    assert [file.name for file in assets.made().all()] == [file.name for file in assets.kept().all()]
    assert all(file.compressed[:2] == b"\x1f\x8b" for file in assets.kept().all())
