"""Builds a document's text block by block and notes where each block begins."""

import re

from ingest.loaded import Heading, LoadedDocument
from storage.records import PageSpan

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029\x85]")
_TRAILING_BLANKS = re.compile(r"[^\S\n]+(?=\n|$)")


def clean(text: str) -> str:
    r"""Return `text` with \n line ends, and without control characters and lone surrogates.

    Such characters break databases (NUL) and UTF-8 (surrogates). Ligatures are spelt out, or
    no search for "office" would find it. Everything else stays as it is.
    """
    text = _NEWLINES.sub("\n", text)
    return _TRAILING_BLANKS.sub("", _NOT_TEXT.sub("", text)).translate(_LIGATURES)


def one_line(text: str) -> str:
    """Return cleaned `text` with every run of white space as one blank."""
    return " ".join(clean(text).split())


class Blocks:
    """A text under construction. Blocks are separated by a blank line, list items by a newline."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._breaks: list[int] = []
        self._pages: list[PageSpan] = []

    def add(self, text: str, *, before: str = "\n\n") -> int | None:
        """Append a block after `before`; return its offset, or None where there was no text."""
        text = clean(text).strip("\n")
        if not text.strip():
            return None
        if self._parts:
            self._append(before)
        offset = self._length
        self._append(text)
        self._breaks.append(offset)
        return offset

    def heading(self, title: str, level: int) -> None:
        """Append a heading; what follows it belongs to it."""
        offset = self.add(one_line(title))
        if offset is not None:
            self._headings.append(Heading(offset, level, one_line(title)))

    def page(self, number: int, text: str, *, joined: bool) -> None:
        """Append a page, an empty one too; `joined` if its text goes on from the page before."""
        offset = self.add(text, before="\n" if joined else "\n\n")
        start = self._length if offset is None else offset
        if joined and offset is not None:
            self._breaks.pop()
        self._pages.append(PageSpan(number, start, self._length))

    def done(self, headings: tuple[Heading, ...] = ()) -> LoadedDocument:
        """Return the document; `headings` found in another way are put to the others."""
        found = sorted([*self._headings, *headings], key=lambda heading: heading.offset)
        return LoadedDocument(
            text="".join(self._parts),
            pages=tuple(self._pages),
            headings=tuple(found),
            breaks=tuple(self._breaks),
        )

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
