"""Which sources an answer's sentence rests on: the model's own [n] marks, checked; pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from app.answering.candidates import Candidate
from app.answering.evidence import Evidence
from app.answering.records import Source
from storage.records import Passage

_MARK = re.compile(r"\s*\[\s*(\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)\s*\]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence without its marks, and the source numbers they named."""

    text: str
    numbers: tuple[int, ...]


def read_marks(sentence: str, known: Collection[int]) -> Marked:
    """Take the [n] marks out of a sentence; numbers of sources that do not exist are dropped."""
    named = [
        int(number) for mark in _MARK.finditer(sentence) for number in re.findall(r"\d+", mark[1])
    ]
    text = _MARK.sub("", sentence).strip()
    return Marked(text, tuple(dict.fromkeys(n for n in named if n in known)))


def marks(numbers: Sequence[int]) -> str:
    """Return the marks as they stand in an answer: " [1][3]", "" for none."""
    return " " + "".join(f"[{n}]" for n in numbers) if numbers else ""


def to_sources(passages: Sequence[Passage], ranked: Sequence[Evidence]) -> tuple[Source, ...]:
    """Number the passages from 1, each with its best sentence as the quote."""
    best: dict[int, Candidate] = {}
    for evidence in ranked:
        best.setdefault(evidence.candidate.passage, evidence.candidate)
    return tuple(
        _source(place + 1, passage, best.get(place)) for place, passage in enumerate(passages)
    )


def with_cited(sources: Sequence[Source], cited: Collection[int]) -> tuple[Source, ...]:
    """Return the sources, those that the answer cites marked as such."""
    return tuple(replace(source, cited=source.n in cited) for source in sources)


def _source(n: int, passage: Passage, quote: Candidate | None) -> Source:
    chunk = passage.chunk
    return Source(
        n=n,
        document_id=chunk.document_id,
        document_name=passage.document_name,
        chunk_id=chunk.id,
        text=chunk.text,
        score=round(passage.score, 4),
        page=chunk.page,
        section=chunk.section,
        quote=quote.text if quote else None,
        start=quote.start if quote else None,
        end=quote.end if quote else None,
    )
