"""Text as it may be stored and shown: no NUL, which PostgreSQL refuses, and no half of a surrogate pair, which is no text."""

from __future__ import annotations


class Cleaner:
    """Cleans the deltas of one reply. A pair cut in two by a delta's end is put together; `rest` gives what stayed alone."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def clean(self, text: str) -> str:
        """The text, perhaps empty."""
        if "\0" in text:
            text = text.replace("\0", "")
        if text.isascii() and not self._half:
            return text
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def rest(self) -> str:
        half, self._half = self._half, ""
        return "\ufffd" if half else ""
