"""The words of the evaluation: case, exchange, score, failure, result. All are frozen.

A case is asked; what came back is an exchange; scorers turn both into scores. What could
not be judged is an unscored `Score`, and what crashed is a `Failure`: neither is a zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GoldSource:
    """Where an answer stands: a document's name, and where given its page (from 1) and words."""

    document: str
    page: int | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its gold. `answers` are alternatives; empty when not answerable."""

    id: str
    question: str
    answers: tuple[str, ...] = ()
    sources: tuple[GoldSource, ...] = ()
    answerable: bool = True
    language: str = "en"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A passage that came back, best first; `quote` and `cited` only beside an answer."""

    document: str
    text: str
    score: float = 0.0
    page: int | None = None
    quote: str | None = None
    cited: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer with the service's verdict on it."""

    text: str
    verdict: str
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back for a case. Times in milliseconds.

    `passages` are what search alone returns; `sources` are those shown with the answer.
    `timings` are the service's own, `ask_ms` and `search_ms` are measured from outside.
    """

    passages: tuple[Retrieved, ...]
    answer: str
    model_answer: str
    abstained: bool
    sources: tuple[Retrieved, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    confidence: float | None = None
    model: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    ask_ms: float = 0.0
    search_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """A value in the metric's own unit, or None with the reason why there is none."""

    value: float | None
    reason: str = ""

    @classmethod
    def unscored(cls, reason: str) -> "Score":
        """Return a score that stays out of every mean."""
        return cls(None, reason)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something crashed: `where` is "ask" or a scorer's name."""

    where: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with all that came of it; `exchange` is None when asking failed."""

    case: Case
    exchange: Exchange | None
    scores: Mapping[str, Score] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over all cases: mean ± standard error of the `n` scored ones."""

    mean: float | None
    stderr: float | None
    n: int
    unscored: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run. `provenance` says what was measured: commit, service, models, options."""

    dataset: str
    dataset_version: str
    started_at: str
    finished_at: str
    scorers: Mapping[str, str]
    cases: tuple[CaseResult, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
