"""The question, the answer, and what supports each of its sentences."""

from dataclasses import dataclass, field
from enum import StrEnum

from storage.records import DocumentFilter


class AnswerStatus(StrEnum):
    """Whether the documents held enough to answer."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"


class Verdict(StrEnum):
    """What the cited passages say to a sentence."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which documents, and how."""

    text: str
    collection: str = "default"
    top_k: int | None = None
    mode: str | None = None
    strategy: str | None = None
    model: str | None = None
    filters: DocumentFilter | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A passage shown with the answer. `quote` == document text[start:end], its best evidence."""

    n: int
    document_id: str
    document_name: str
    chunk_id: str
    text: str
    score: float
    page: int | None = None
    section: tuple[str, ...] = ()
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    cited: bool = False


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence of the answer: answer[start:end], its verdict and the sources it rests on.

    `quote` is the best supporting evidence found, offered where the sentence is not supported.
    """

    text: str
    start: int
    end: int
    verdict: Verdict
    score: float
    citations: tuple[int, ...] = ()
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the backend counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds of each step; `engine_ms` is what the backend reports of its own."""

    retrieve_ms: float = 0.0
    first_token_ms: float = 0.0
    generate_ms: float = 0.0
    verify_ms: float = 0.0
    total_ms: float = 0.0
    engine_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """Evidence left out, and why; `n` is the source's number where it has one."""

    reason: str
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, the same on every surface. `answer` carries [n] markers."""

    id: str
    question: str
    answer: str
    status: AnswerStatus
    collection: str
    model: str
    strategy: str
    confidence: float
    model_answer: str
    """The language model's own words, before quotes were added or it was withheld."""
    sources: tuple[Source, ...] = ()
    sentences: tuple[AnswerSentence, ...] = ()
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    dropped: tuple[Dropped, ...] = ()
