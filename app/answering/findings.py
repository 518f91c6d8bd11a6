"""Question to evidence: passages, their best sentences, and whether that is enough. Blocking."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.abstain import Judgement, judge, signals
from app.answering.candidates import Candidate, candidates
from app.answering.cite import to_sources
from app.answering.evidence import Evidence, rank, select
from app.answering.records import Dropped, Source
from app.answering.retrieve import Retrieved
from app.answering.similarity import SentenceVectors
from app.answering.verify import Window, windows
from app.answering.words import is_cjk
from storage.records import Passage

WEAK = 0.5
"""Coverage of the question's words below which sentences are compared by meaning too."""
COMPARED = 4
"""Sentences embedded then; 8 ms each on one core."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the documents have to say to a question."""

    passages: tuple[Passage, ...]
    sources: tuple[Source, ...]
    ranked: tuple[Evidence, ...]
    windows: tuple[Window, ...]
    judgement: Judgement
    dropped: tuple[Dropped, ...]


def find_evidence(
    question: str, found: Retrieved, languages: Sequence[str], vectors: SentenceVectors
) -> Findings:
    """Rank the sentences of the passages and judge whether they answer the question.

    Words decide the order (XQuAD: the answer is in the best three sentences for 95 % of the
    questions). Only where few of the question's words are found are sentences embedded too.

    Args:
        languages: what the embedder was trained for, empty for many languages.
    """
    pool = candidates(found.passages)
    best = max((passage.score for passage in found.passages), default=0.0) or 1.0
    scores = [passage.score / best for passage in found.passages]
    knows = knows_language(question, languages)
    ranked = rank(question, pool, scores)
    if ranked and knows and found.vector is not None and ranked[0].coverage < WEAK:
        nearest = ranked[:COMPARED]
        cosines = vectors.cosines(found.vector, [item.candidate.readable for item in nearest])
        place = {id(candidate): at for at, candidate in enumerate(pool)}
        ranked = rank(
            question,
            pool,
            scores,
            {place[id(e.candidate)]: c for e, c in zip(nearest, cosines, strict=True)},
        )
    judged = judge(
        signals(question, found.passages, ranked, dense_knows=knows and found.vector is not None)
    )
    return Findings(
        passages=found.passages,
        sources=to_sources(found.passages, ranked),
        ranked=tuple(ranked),
        windows=tuple(_windows(pool, found.passages)),
        judgement=judged,
        dropped=found.dropped,
    )


def chosen(findings: Findings, most: int) -> list[Evidence]:
    """Return the best sentences, at most so many."""
    return select(findings.ranked, most)


def knows_language(text: str, languages: Sequence[str]) -> bool:
    """Say whether an embedder of these languages can judge the text."""
    if not languages:
        return True
    return bool({"zh", "ja", "ko"} & set(languages)) if is_cjk(text) else "en" in languages


def _windows(pool: Sequence[Candidate], passages: Sequence[Passage]) -> list[Window]:
    titles = [" ".join([p.document_name, *p.chunk.section]) for p in passages]
    return windows(pool, titles, [p.chunk.text for p in passages])
