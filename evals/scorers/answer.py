"""Is the answer right? Exact match, F1 and "contains", after SQuAD's normalisation.

Two texts are scored apart: `model_*` is the language model's own words, before anything was
added or withheld; `answer_*` is the answer as shown. `quoted_contains` also reads the quotes
that the reader sees beside the answer: those of the cited sources and of the sentences;
`evidence_contains` reads the quotes of all sources shown. An answerable question that was not
answered scores 0 in what the reader sees.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.normalise import holds, tokens, without_citations
from evals.records import Case, Exchange, Score

METRICS = (
    "model_em",
    "model_f1",
    "model_contains",
    "answer_em",
    "answer_f1",
    "answer_contains",
    "quoted_contains",
    "evidence_contains",
)


def exact_match(text: str, golds: Sequence[str]) -> float:
    """Return 1 when the text equals some gold answer after normalisation."""
    said = tokens(without_citations(text))
    return float(any(said == tokens(gold) for gold in golds))


def f1(text: str, golds: Sequence[str]) -> float:
    """Return the best token F1 with any gold answer."""
    said = tokens(without_citations(text))
    return max((_f1(said, tokens(gold)) for gold in golds), default=0.0)


def _f1(said: tuple[str, ...], gold: tuple[str, ...]) -> float:
    common = sum((Counter(said) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(said), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def contains(texts: Sequence[str], golds: Sequence[str]) -> float:
    """Return 1 when some gold answer stands in some text as a run of whole tokens."""
    said = [tokens(without_citations(text)) for text in texts]
    return float(any(holds(text, tokens(gold)) for text in said for gold in golds))


@dataclass(frozen=True)
class AnswerMatch:
    """Scores what was said against the gold answers."""

    name: str = "answer"
    version: str = "1"

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return the metrics; unscored when the case has no gold answer."""
        if not case.answers:
            return {name: Score.unscored("the case has no gold answer") for name in METRICS}
        own = exchange.model_answer
        if exchange.abstained:
            shown, cited, every = [""], [], []
        else:
            shown = [exchange.answer]
            cited = [s.quote for s in exchange.sources if s.cited and s.quote]
            cited += [s.quote for s in exchange.sentences if s.quote]
            every = [s.quote for s in exchange.sources if s.quote]
        values = (
            exact_match(own, case.answers),
            f1(own, case.answers),
            contains([own], case.answers),
            exact_match(shown[0], case.answers),
            f1(shown[0], case.answers),
            contains(shown, case.answers),
            contains([*shown, *cited], case.answers),
            contains([*shown, *cited, *every], case.answers),
        )
        return {name: Score(value) for name, value in zip(METRICS, values, strict=True)}
