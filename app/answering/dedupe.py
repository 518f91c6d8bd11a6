"""Near-duplicate passages: the same page twice, or chunks that overlap; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from app.answering.words import numbers, plain
from storage.records import Passage

SHINGLE = 5
"""Characters; short enough for Chinese, long enough that chance overlap stays under a third."""
CONTAINED = 0.85
"""Share of the shorter passage's shingles in the longer one, from which it adds nothing."""


class _Print(NamedTuple):
    """What two passages are compared by."""

    shingles: frozenset[str]
    numbers: frozenset[str]


class Deduplicated(NamedTuple):
    """Passages kept, and those left out, each with the chunk id that it repeats."""

    kept: list[Passage]
    repeated: list[tuple[Passage, str]]


def drop_near_duplicates(passages: Sequence[Passage]) -> Deduplicated:
    """Keep the first of each group of passages that say the same in the same words."""
    kept: list[tuple[Passage, _Print]] = []
    repeated: list[tuple[Passage, str]] = []
    for passage in passages:
        prints = _Print(_shingles(passage.chunk.text), numbers(passage.chunk.text))
        original = next((other for other, seen in kept if _repeats(prints, seen)), None)
        if original is None:
            kept.append((passage, prints))
        else:
            repeated.append((passage, original.chunk.id))
    return Deduplicated([passage for passage, _ in kept], repeated)


def _repeats(passage: _Print, kept: _Print) -> bool:
    """Say whether `passage` adds nothing; one with a number of its own may contradict."""
    if passage.numbers - kept.numbers:
        return False
    return containment(passage.shingles, kept.shingles) >= CONTAINED


def containment(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of the smaller set that is also in the larger; Broder 1997."""
    smaller = min(len(first), len(second))
    return len(first & second) / smaller if smaller else 0.0


def _shingles(text: str) -> frozenset[str]:
    letters = plain(text)
    if len(letters) <= SHINGLE:
        return frozenset({letters})
    return frozenset(letters[at : at + SHINGLE] for at in range(len(letters) - SHINGLE + 1))
