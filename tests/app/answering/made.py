"""Passages made for a test."""

from datetime import UTC, datetime

from storage.records import Chunk, Passage


def passage(
    text: str,
    *,
    id: str = "c1",  # noqa: A002 - the record's own word
    start: int = 0,
    score: float = 1.0,
    name: str = "notes.txt",
    section: tuple[str, ...] = (),
) -> Passage:
    chunk = Chunk(id, f"doc-{id}", 0, text, start, start + len(text), 1, section)
    return Passage(chunk, name, "text/plain", datetime(2026, 1, 1, tzinfo=UTC), score)
