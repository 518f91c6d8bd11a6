"""What the service sends, as typed JSON: the shapes of the native HTTP API.

Times are ISO 8601 strings in UTC. A field marked NotRequired may be absent.
"""

from typing import Any, Literal, NamedTuple, NotRequired, TypedDict


class Fault(TypedDict):
    """Why a document or job failed."""

    code: str
    message: str


class Collection(TypedDict):
    """A knowledge base."""

    id: NotRequired[str]
    name: str
    description: NotRequired[str]
    created_at: NotRequired[str]
    documents: NotRequired[int]
    embedding: NotRequired[dict[str, Any] | None]


class Accepted(TypedDict):
    """One file of an upload; `duplicate_of` names the document that has the same bytes."""

    id: str
    name: str
    status: Literal["pending", "processing", "completed", "failed"]
    job_id: NotRequired[str | None]
    duplicate_of: NotRequired[str | None]
    replaces: NotRequired[str | None]
    error: NotRequired[Fault | None]


class Document(TypedDict):
    """A document of a collection."""

    id: str
    name: str
    status: Literal["pending", "processing", "completed", "failed"]
    collection: NotRequired[str]
    media_type: NotRequired[str]
    size_bytes: NotRequired[int]
    sha256: NotRequired[str]
    created_at: NotRequired[str]
    completed_at: NotRequired[str | None]
    job_id: NotRequired[str | None]
    error: NotRequired[Fault | None]
    pages: NotRequired[int | None]
    chunks: NotRequired[int]


class DocumentPage(TypedDict):
    """Some of a collection's documents; `next_cursor` asks for those after them."""

    documents: list[Document]
    next_cursor: NotRequired[str | None]


class Job(TypedDict):
    """A document's way through ingestion; `done` of `total` counts within the stage."""

    id: str
    document_id: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: Literal["waiting", "loading", "chunking", "embedding", "storing", "done"]
    done: int
    total: int
    document_name: NotRequired[str]
    collection: NotRequired[str]
    attempts: NotRequired[int]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    error: NotRequired[Fault | None]


class Filters(TypedDict, total=False):
    """Which documents may be searched; every given condition must hold."""

    document_ids: list[str]
    names: list[str]
    media_types: list[str]
    uploaded_after: str
    uploaded_before: str


class Passage(TypedDict):
    """A retrieved chunk."""

    chunk_id: str
    document_id: str
    document_name: str
    text: str
    score: float
    page: NotRequired[int | None]
    section: NotRequired[list[str]]
    start: NotRequired[int]
    end: NotRequired[int]
    ranks: NotRequired[dict[str, int]]
    similarity: NotRequired[float | None]


class Source(TypedDict):
    """A passage shown with an answer; `quote` is its best evidence."""

    n: int
    document_id: str
    document_name: str
    chunk_id: str
    text: str
    score: float
    page: NotRequired[int | None]
    section: NotRequired[list[str]]
    quote: NotRequired[str | None]
    start: NotRequired[int | None]
    end: NotRequired[int | None]
    cited: NotRequired[bool]


class Sentence(TypedDict):
    """A sentence of the answer with its verdict."""

    text: str
    start: int
    end: int
    verdict: Literal["supported", "partial", "unsupported", "not_checked"]
    score: float
    citations: list[int]
    quote: NotRequired[str | None]


class Answer(TypedDict):
    """The whole answer."""

    id: str
    question: str
    answer: str
    status: Literal["answered", "abstained"]
    collection: str
    model: str
    strategy: str
    sources: list[Source]
    sentences: list[Sentence]
    usage: dict[str, int]
    timings: dict[str, float]
    dropped: list[dict[str, Any]]
    confidence: NotRequired[float]
    model_answer: NotRequired[str]


class EvalRun(TypedDict):
    """An evaluation run; `result` is its whole JSON once finished."""

    id: str
    dataset: str
    state: str
    created_at: NotRequired[str]
    finished_at: NotRequired[str | None]
    done: NotRequired[int]
    total: NotRequired[int]
    error: NotRequired[Fault | None]
    result: NotRequired[dict[str, Any] | None]


class Event(NamedTuple):
    """One server-sent event: its name and its JSON."""

    name: str
    data: Any
