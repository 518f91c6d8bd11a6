"""What a scorer is, and how its crash becomes a value."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from evals.records import Case, Exchange, Failure, Score


class Scorer(Protocol):
    """Judges one exchange. Change `version` whenever the same input may score differently."""

    @property
    def name(self) -> str:
        """Return the scorer's name."""
        ...

    @property
    def version(self) -> str:
        """Return the version that stands in every result."""
        ...

    def score(self, case: Case, exchange: Exchange) -> Mapping[str, Score]:
        """Return a score for each metric, unscored where the case says nothing about it."""
        ...


def apply(
    scorers: Sequence[Scorer], case: Case, exchange: Exchange
) -> tuple[dict[str, Score], tuple[Failure, ...]]:
    """Run every scorer; one that crashes is a failure and takes no other down."""
    scores: dict[str, Score] = {}
    failures: list[Failure] = []
    for scorer in scorers:
        try:
            scores.update(scorer.score(case, exchange))
        except Exception as exc:  # noqa: BLE001 - whatever a scorer raises is its result
            failures.append(Failure(scorer.name, type(exc).__name__, str(exc)))
    return scores, tuple(failures)
