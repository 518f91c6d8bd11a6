"""Is the evidence enough to answer at all? A calibrated score from cheap signals; pure.

The bundled model cannot tell (its own probabilities separate answerable from unanswerable with
an AUC of .69 at best), so retrieval and the words of the evidence decide, before it is asked.
Coefficients, and how they were found: abstain.toml and benchmarks/abstention.py.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from app.answering.evidence import Evidence, asks_for_number, covered, idf, missing_names
from app.answering.words import numbers, question_terms, stated_numbers, terms
from storage.records import Passage

_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Za-z]{0,5}-?\d{1,5}[A-Za-z]?(?![A-Za-z0-9])")
COEFFICIENTS = Path(__file__).with_name("abstain.toml")


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for an answer, each from 0 to 1; `missing` speaks against."""

    sentence: float = 0.0
    """Weighted share of the question's words in the best sentence and around it."""
    passage: float = 0.0
    """The same for the passage that covers most."""
    words: float = 0.0
    """Plain share of the question's words in the best sentence's passage."""
    missing: float = 0.0
    """Share of the question's names and numbers that this passage lacks."""
    number: float = 0.0
    """1 unless a number is asked for and the best sentence has none to offer."""
    similarity: float | None = None
    """Cosine of the question and the nearest passage; None where the embedder is no judge."""
    agreement: float = 0.0
    """1 where word search and embedding search put the same passage first."""
    unknown_code: bool = False
    """A code of the question, such as PM-500 or E07, stands in none of the passages."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`confidence` that the passages hold the answer, and whether it is high enough."""

    confidence: float
    enough: bool
    signals: Signals


def signals(
    question: str, passages: Sequence[Passage], ranked: Sequence[Evidence], *, dense_knows: bool
) -> Signals:
    """Return the signals of a question and its ranked evidence.

    Args:
        dense_knows: whether the embedder was trained for the question's language.
    """
    if not ranked:
        return Signals(missing=1.0)
    weights = idf(question, [evidence.candidate for evidence in ranked])
    best = passages[ranked[0].candidate.passage]
    held = terms(best.chunk.text)
    wanted = question_terms(question)
    return Signals(
        sentence=max(evidence.coverage for evidence in ranked),
        passage=max(covered(weights, passage.chunk.text, _titles(passage)) for passage in passages),
        words=sum(term in held for term in wanted) / max(1, len(wanted)),
        missing=missing_names(question, [best.chunk.text, _titles(best)]),
        number=_offers_number(question, ranked[0].candidate.text),
        similarity=max(p.similarity or 0.0 for p in passages) if dense_knows else None,
        unknown_code=bool(codes(question) - _codes_of(passages)),
        agreement=float(any(set(p.ranks.values()) == {1} and len(p.ranks) == 2 for p in passages)),
    )


def judge(found: Signals) -> Judgement:
    """Return the logistic score of the signals, and whether it reaches the threshold."""
    table = coefficients()["words_only" if found.similarity is None else "with_similarity"]
    values = {name: value or 0.0 for name, value in asdict(found).items()}
    total = table["intercept"] + sum(
        weight * values[name] for name, weight in table.items() if name in values
    )
    confidence = 1 / (1 + math.exp(-total))
    if found.unknown_code:  # what is said of PM-200 is no answer about PM-500
        confidence = min(confidence, table["threshold"] / 2)
    return Judgement(confidence, confidence >= table["threshold"], found)


@lru_cache(maxsize=1)
def coefficients() -> Mapping[str, Mapping[str, float]]:
    """Return the two tables of abstain.toml."""
    return tomllib.loads(COEFFICIENTS.read_text("utf-8"))


def codes(text: str) -> frozenset[str]:
    """Return the codes of a text, a capital followed by letters and digits: PM-500 is pm500."""
    return frozenset(match[0].replace("-", "").lower() for match in _CODE.finditer(text))


def _codes_of(passages: Sequence[Passage]) -> frozenset[str]:
    return codes(" ".join(f"{passage.chunk.text} {_titles(passage)}" for passage in passages))


def _titles(passage: Passage) -> str:
    return " ".join([passage.document_name, *passage.chunk.section])


def _offers_number(question: str, text: str) -> float:
    if not asks_for_number(question):
        return 1.0
    return float(bool(stated_numbers(text) - numbers(question)))
