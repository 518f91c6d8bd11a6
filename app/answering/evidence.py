"""Which sentences of the passages answer the question; pure, given the similarities.

With the bundled model the two or three best sentences instead of whole passages raise F1 from
.39 to .50 at a tenth of the time (docs/decisions/0003).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.answering.candidates import Candidate
from app.answering.measures import asked_kinds, measured_kinds
from app.answering.words import names, numbers, question_terms, stated_numbers, terms

AROUND = 0.35
"""What a question's word counts in the neighbouring sentence or heading.

Also what a heading or a question counts itself: it repeats the words that are asked for."""
NUMBER_ASKED = 0.08
KIND_ASKED = 0.12
"""What a figure adds of the kind that is asked for, days where the question says how many days;
what figures of other kinds alone take away."""
PASSAGE_PRIOR = 0.35
"""What the passage's retrieval score adds, from 0 to this."""
SIMILARITY = 0.7
"""What cosine similarity adds beside the words, where it was computed."""


_NUMBER_MARKS = (
    *("how many", "how much", "how long", "how old", "how far", "how often", "how tall", "how big"),
    *("when ", "what year", "which year", "what date", "what percent"),
    *("多少", "几", "幾", "哪一年", "哪年", "何时", "何時", "什么时候", "什麼時候"),
    *("多久", "多长", "多長", "多大"),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate with its score; `coverage` is the idf-weighted share of the question's words."""

    candidate: Candidate
    score: float
    coverage: float
    similarity: float | None = None


def idf(question: str, pool: Sequence[Candidate]) -> dict[str, float]:
    """Return the weight of each of the question's words: the fewer candidates have it, the more.

    BM25's form of it (Robertson and Zaragoza 2009), which is positive for every count.
    """
    held = [terms(candidate.text) for candidate in pool]
    weights = {}
    for term in question_terms(question):
        having = sum(1 for found in held if term in found)
        weights[term] = math.log(1 + (len(held) - having + 0.5) / (having + 0.5))
    return weights


def covered(weights: Mapping[str, float], text: str, around: str = "") -> float:
    """Return the weighted share of the words that stand in `text`; `around` counts less."""
    total = sum(weights.values())
    if not total:
        return 0.0
    inside, near = terms(text), terms(around) if around else frozenset[str]()
    found = sum(
        weight * (1.0 if term in inside else AROUND if term in near else 0.0)
        for term, weight in weights.items()
    )
    return found / total


def rank(
    question: str,
    pool: Sequence[Candidate],
    passage_scores: Sequence[float],
    similarities: Mapping[int, float] | None = None,
) -> list[Evidence]:
    """Return the pool as evidence, best first.

    Args:
        passage_scores: the retrieval score of each passage, best 1, by its place.
        similarities: cosine of question and candidate by the candidate's place in the pool;
            may hold only some.
    """
    weights = idf(question, pool)
    wants_number, kinds = asks_for_number(question), asked_kinds(question)
    found = []
    for place, candidate in enumerate(pool):
        coverage = covered(weights, candidate.readable, candidate.around)
        if candidate.announces:
            coverage *= AROUND
        score = coverage + PASSAGE_PRIOR * passage_scores[candidate.passage]
        if wants_number and stated_numbers(candidate.text) - numbers(question):
            score += NUMBER_ASKED
        if kinds and (measured := measured_kinds(candidate.text)):
            score += KIND_ASKED if kinds & measured else -KIND_ASKED
        similarity = (similarities or {}).get(place)
        if similarity is not None:
            score += SIMILARITY * max(0.0, similarity)
        found.append(Evidence(candidate, score, coverage, similarity))
    return sorted(found, key=lambda item: (-item.score, item.candidate.passage))


def select(ranked: Sequence[Evidence], most: int) -> list[Evidence]:
    """Return the best `most` sentences, without those that only repeat a chosen one."""
    chosen: list[Evidence] = []
    for evidence in ranked:
        if len(chosen) == most:
            break
        own = terms(evidence.candidate.text)
        if own and not any(_repeats(own, other.candidate.text) for other in chosen):
            chosen.append(evidence)
    return chosen


def asks_for_number(question: str) -> bool:
    """Say whether the answer should hold a number: how many, when, 多少, 哪一年."""
    lower = question.lower()
    return any(mark in lower for mark in _NUMBER_MARKS)


def missing_names(question: str, texts: Sequence[str]) -> float:
    """Return the share of the question's names and numbers that stand in none of the texts."""
    wanted = names(question) | numbers(question)
    if not wanted:
        return 0.0
    held: set[str] = set()
    for text in texts:
        held |= terms(text) | stated_numbers(text) | names(text)
    joined = " ".join(texts).casefold()
    missing = [name for name in wanted if name not in held and name not in joined]
    return len(missing) / len(wanted)


def _repeats(own: frozenset[str], other_text: str) -> bool:
    other = terms(other_text)
    smaller = min(len(own), len(other)) or 1
    return len(own & other) / smaller > 0.9
