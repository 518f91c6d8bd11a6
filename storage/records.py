"""The words that every room shares: collections, documents, chunks, passages, jobs.

All are frozen. Times are timezone-aware UTC. Character offsets are Python string
offsets (code points) into the document's stored text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One embedding, shape (dimensions,), L2-normalised."""
Vectors = NDArray[np.float32]
"""Embeddings of several texts, shape (texts, dimensions), each row L2-normalised."""


class DocumentStatus(StrEnum):
    """How far a document has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobStage(StrEnum):
    """Which step of ingestion a running job is at."""

    WAITING = "waiting"
    LOADING = "loading"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    STORING = "storing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a document or job failed: a stable code and a sentence for a person."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EmbeddingIdentity:
    """Which model made a collection's vectors; a mismatch is refused.

    `languages` are ISO 639-1 codes the model was trained for, empty meaning many.
    """

    model: str
    dimensions: int
    content_hash: str
    max_tokens: int
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A knowledge base. `embedding` is None until its first document is embedded."""

    id: str
    name: str
    description: str
    created_at: datetime
    embedding: EmbeddingIdentity | None = None
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One uploaded document; `sha256` (hex) names its bytes in the file store."""

    id: str
    collection_id: str
    collection: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    status: DocumentStatus
    created_at: datetime
    job_id: str | None = None
    completed_at: datetime | None = None
    error: Fault | None = None
    pages: int | None = None
    chunks: int = 0
    replaces: str | None = None
    """Id of the document of the same name that this one takes the place of when ready."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Where page `number` (from 1) stands in the document's text: [start, end)."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document, the unit of retrieval. `text` == document text[start:end]."""

    id: str
    document_id: str
    ordinal: int
    text: str
    start: int
    end: int
    page: int | None = None
    section: tuple[str, ...] = ()
    """Headings above the chunk, outermost first."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the document it belongs to, as the catalogue holds them."""

    chunk: Chunk
    document: Document


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk id with an index's own score; higher is better."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved chunk with what is needed to show and cite it; `score` higher is better.

    `ranks` says where each index put it, from 1: {"dense": 3, "keyword": 1}.
    """

    chunk: Chunk
    document_name: str
    media_type: str
    uploaded_at: datetime
    score: float
    ranks: dict[str, int] = field(default_factory=dict)
    similarity: float | None = None
    """Cosine similarity of question and chunk, where the dense index found it."""


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents may be searched; every given condition must hold."""

    document_ids: Sequence[str] | None = None
    names: Sequence[str] | None = None
    """Exact names, or shell patterns such as ``*.pdf``."""
    media_types: Sequence[str] | None = None
    uploaded_after: datetime | None = None
    uploaded_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One document's way through ingestion. `done` of `total` counts within the stage."""

    id: str
    document_id: str
    document_name: str
    collection: str
    state: JobState
    stage: JobStage
    done: int
    total: int
    attempts: int
    created_at: datetime
    updated_at: datetime
    error: Fault | None = None


@dataclass(frozen=True, slots=True)
class EvalRun:
    """One evaluation run; `result` is its whole JSON once finished."""

    id: str
    dataset: str
    state: JobState
    created_at: datetime
    done: int = 0
    total: int = 0
    finished_at: datetime | None = None
    error: Fault | None = None
    result: dict[str, Any] | None = None
