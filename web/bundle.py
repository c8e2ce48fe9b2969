"""The page's modules joined into one, when the server starts: no build step, and one request in place of twenty.

What it understands is what our modules use, and nothing else: `import { a, b } from "./x.js";` on one line at the top, and
`export` before a declaration. All modules share one scope then, so a name may be declared at the top of one module only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_IMPORT = re.compile(r'import \{ ([\w, ]+) \} from "\./([\w-]+\.js)";')
_DECLARATION = re.compile(r"^(export )?(?:async )?(?:function\*?|class|const|let) (\{[^}]*\}|[\w$]+)", re.MULTILINE)


class CanNotJoin(Exception):
    """The modules don't fit together; the text names the module and why."""


@dataclass(frozen=True, slots=True)
class _Module:
    imports: tuple[tuple[str, str], ...]
    """Names, and the module that each is from."""
    declared: frozenset[str]
    exported: frozenset[str]
    body: str


def joined(sources: Mapping[str, str], first: str) -> str:
    """One module of `first` and all that it needs, each after what it imports. Raises CanNotJoin."""
    modules: dict[str, _Module] = {}
    owners: dict[str, str] = {}
    for name in _in_order(sources, first, modules):
        module = modules[name]
        for declared in sorted(module.declared):
            if declared in owners:
                raise CanNotJoin(f"{name} declares {declared}, and so does {owners[declared]}.")
            owners[declared] = name
        for imported, source in module.imports:
            if imported not in modules[source].exported:
                raise CanNotJoin(f"{name} imports {imported}, which {source} does not export.")
    return "\n".join(module.body for module in modules.values())


def _in_order(
    sources: Mapping[str, str], name: str, modules: dict[str, _Module], open_: tuple[str, ...] = ()
) -> Iterator[str]:
    if name in modules:
        return
    if name in open_:
        raise CanNotJoin(f"{' → '.join((*open_, name))}: a circle.")
    if name not in sources:
        raise CanNotJoin(f"{open_[-1] if open_ else 'The page'} needs {name}, which is not there.")
    module = _read(name, sources[name])
    for _, source in module.imports:
        yield from _in_order(sources, source, modules, (*open_, name))
    modules[name] = module
    yield name


def _read(name: str, source: str) -> _Module:
    imports: list[tuple[str, str]] = []
    lines: list[str] = []
    for line in source.splitlines():
        if line.startswith("import "):
            found = _IMPORT.fullmatch(line)
            if not found:
                raise CanNotJoin(f'{name}: write {line!r} as import {{ a, b }} from "./x.js";')
            imports += [(each.strip(), found[2]) for each in found[1].split(",")]
        else:
            lines.append(line)
    text = "\n".join(lines)
    declared: set[str] = set()
    exported: set[str] = set()
    for found in _DECLARATION.finditer(text):
        names = set(re.findall(r"[\w$]+", found[2]))
        declared |= names
        exported |= names if found[1] else set()
    if left := re.search(r"^export (?!(async )?(function|class|const|let)\b).*", text, re.MULTILINE):
        raise CanNotJoin(f"{name}: {left[0]!r} is not a declaration.")
    body = without_comments(re.sub(r"^export ", "", text, flags=re.MULTILINE))
    return _Module(tuple(imports), frozenset(declared), frozenset(exported), body)


_AFTER_CODE = re.compile(r"""\s+// [^"'`/]*$""")
"""A comment behind code: with no sign in it of which a string, a template or an expression could be made."""


def without_comments(source: str) -> str:
    """The same without indentation, empty lines and comments; code is left as it is, with a comment that might be code."""
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        text = line.strip()
        if inside or text.startswith("/*"):
            inside = "*/" not in text
            continue
        if text and not text.startswith("//"):
            kept.append(_AFTER_CODE.sub("", text))
    return "\n".join(kept)
