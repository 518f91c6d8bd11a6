"""Collections, documents and jobs as JSON."""

from datetime import datetime
from typing import Any

from ingest.intake import Accepted
from storage.records import Chunk, Collection, Document, Fault, Job, PageSpan


def collection_json(collection: Collection) -> dict[str, Any]:
    """Return a collection as the API shows it."""
    embedding = collection.embedding
    return {
        "id": collection.id,
        "name": collection.name,
        "description": collection.description,
        "created_at": collection.created_at.isoformat(),
        "documents": collection.documents,
        "embedding": embedding
        and {
            "model": embedding.model,
            "dimensions": embedding.dimensions,
            "content_hash": embedding.content_hash,
            "max_tokens": embedding.max_tokens,
            "languages": list(embedding.languages),
        },
    }


def accepted_json(accepted: Accepted) -> dict[str, Any]:
    """Return one file of an upload: the document it became, or the one that has its bytes."""
    document = accepted.document
    return {
        "id": document.id,
        "name": accepted.name,
        "status": document.status,
        "job_id": accepted.job_id,
        "media_type": document.media_type,
        "duplicate_of": accepted.duplicate_of,
        "replaces": accepted.replaces,
        "error": None if accepted.duplicate_of else fault_json(document.error),
    }


def document_json(document: Document) -> dict[str, Any]:
    """Return a document as the API shows it."""
    return {
        "id": document.id,
        "collection": document.collection,
        "name": document.name,
        "media_type": document.media_type,
        "size_bytes": document.size_bytes,
        "sha256": document.sha256,
        "status": document.status,
        "created_at": document.created_at.isoformat(),
        "completed_at": _time(document.completed_at),
        "job_id": document.job_id,
        "error": fault_json(document.error),
        "pages": document.pages,
        "chunks": document.chunks,
        "replaces": document.replaces,
    }


def chunk_json(chunk: Chunk) -> dict[str, Any]:
    """Return a chunk; `text` is the document's text from `start` to `end`."""
    return {
        "id": chunk.id,
        "ordinal": chunk.ordinal,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "section": list(chunk.section),
    }


def page_json(page: PageSpan) -> dict[str, int]:
    """Return where a page stands in the document's text."""
    return {"number": page.number, "start": page.start, "end": page.end}


def job_json(job: Job) -> dict[str, Any]:
    """Return a job as the API shows it."""
    return {
        "id": job.id,
        "document_id": job.document_id,
        "document_name": job.document_name,
        "collection": job.collection,
        "state": job.state,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "attempts": job.attempts,
        "created_at": job.created_at.isoformat(),
        "updated_at": job.updated_at.isoformat(),
        "error": fault_json(job.error),
    }


def fault_json(fault: Fault | None) -> dict[str, str] | None:
    """Return what went wrong, None where nothing did."""
    return {"code": fault.code, "message": fault.message} if fault else None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
