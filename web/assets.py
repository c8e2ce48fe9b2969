"""The files of the page as they are served: under a name with a digest of what is in them, compressed, kept forever."""

from __future__ import annotations

import functools
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from web.bundle import joined, without_comments

HERE = Path(__file__).parent
STYLES = ("tokens.css", "layout.css", "sidebar.css", "messages.css", "composer.css", "dialogs.css")
LIBRARIES = ("marked.js", "purify.js")
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Asset:
    """`name` as in the address: `page.1f0c….js`."""

    name: str
    media_type: str
    content: bytes
    compressed: bytes
    """By gzip."""


@dataclass(frozen=True, slots=True)
class Assets:
    script: Asset
    style: Asset
    libraries: Asset
    reading: Asset
    """Draws replies in the admin; no part of the page."""

    def named(self, name: str) -> Asset | None:
        return next((asset for asset in self.all() if asset.name == name), None)

    def all(self) -> Iterable[Asset]:
        return self.script, self.style, self.libraries, self.reading


def made() -> Assets:
    """All of them from the files as they are now. Raises CanNotJoin."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "page").glob("*.js")}
    styles = "\n".join((HERE / "page" / name).read_text(encoding="utf-8") for name in STYLES)
    return Assets(
        script=_asset("page", ".js", joined(sources, "main.js")),
        style=_asset("page", ".css", without_comments(styles)),
        libraries=_asset("libraries", ".js", "\n;\n".join(_vendored(name) for name in LIBRARIES)),
        reading=_asset("reading", ".js", joined(sources, "reading.js")),
    )


@functools.cache
def kept() -> Assets:
    """All of them, as they were at the first call of this process."""
    return made()


def _vendored(name: str) -> str:
    return (HERE / "vendor" / name).read_text(encoding="utf-8")


def _asset(stem: str, suffix: str, text: str) -> Asset:
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(f"{stem}.{digest}{suffix}", KINDS[suffix], content, compressed(content))


def compressed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
