"""What a loader gives: the document's text and where its parts stand in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.records import PageSpan


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at `offset` of the text; level 1 is the outermost, 0 the document's own title."""

    offset: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """A document as text, with offsets (code points) of its pages, headings and blocks.

    `breaks` are the offsets, ascending, at which a paragraph, list item, table row or code
    block begins: the best places to cut. `pages` is empty for formats without pages.
    """

    text: str
    pages: tuple[PageSpan, ...] = ()
    headings: tuple[Heading, ...] = ()
    breaks: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the document in JSON's own types; `from_json` reads it back."""
        return {
            "text": self.text,
            "pages": [[page.number, page.start, page.end] for page in self.pages],
            "headings": [[head.offset, head.level, head.title] for head in self.headings],
            "breaks": list(self.breaks),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "LoadedDocument":
        """Read what `to_json` gave."""
        return cls(
            text=data["text"],
            pages=tuple(PageSpan(*page) for page in data["pages"]),
            headings=tuple(Heading(*heading) for heading in data["headings"]),
            breaks=tuple(data["breaks"]),
        )


Loader = Callable[[Path], LoadedDocument]
"""Reads one file. Raises ingest.errors.IngestError; runs in a child process, see ingest.load."""
