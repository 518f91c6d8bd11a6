"""The parts of a blob that is being fetched, and their notes on disk: `-partial-<N>`.

The notes are Ollama's (`{"N", "Offset", "Size", "Completed"}`), so that a download that one
program began, the other goes on with.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.registry.limits import Limits


@dataclass(slots=True)
class Part:
    """A piece of a blob: `completed` of `size` bytes from `offset` on are there."""

    number: int
    offset: int
    size: int
    completed: int = 0

    @property
    def start(self) -> int:
        """Where the next byte goes."""
        return self.offset + self.completed

    @property
    def stop(self) -> int:
        """Where the part ends; that byte is the next part's."""
        return self.offset + self.size

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return self.size - self.completed

    def note(self) -> bytes:
        """How far the part is, as it is written down."""
        numbers = (self.number, self.offset, self.size, self.completed)
        keys = ("N", "Offset", "Size", "Completed")
        return json.dumps(dict(zip(keys, numbers, strict=True)), separators=(",", ":")).encode()

    @classmethod
    def read(cls, raw: bytes) -> "Part | None":
        """The part that a note tells of; None where it makes no sense."""
        try:
            note: Any = json.loads(raw)
            numbers = [note[key] for key in ("N", "Offset", "Size", "Completed")]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if not all(type(number) is int and number >= 0 for number in numbers):
            return None
        part = cls(*numbers)
        return part if part.completed <= part.size else None


def plan(total: int, limits: Limits) -> list[Part]:
    """The parts for a blob of `total` bytes, nothing of it fetched."""
    size = limits.part_size(total)
    offsets = range(0, total, size)
    return [Part(n, at, min(size, total - at)) for n, at in enumerate(offsets)]


def fit(parts: Iterable[Part | None], total: int) -> Sequence[Part]:
    """The parts in order, if together they are a whole blob of `total` bytes; else none."""
    known = [part for part in parts if part is not None]
    known.sort(key=lambda part: part.number)
    reached = 0
    for number, part in enumerate(known):
        if part.number != number or part.offset != reached or not part.size:
            return []
        reached = part.stop
    return known if reached == total else []
