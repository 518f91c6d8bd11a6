"""Rows of the catalogue as the records that the other rooms know."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import RowMapping, Select, func, select

from storage.catalogue.tables import collections, documents, jobs
from storage.records import (
    Chunk,
    Collection,
    Document,
    DocumentStatus,
    EmbeddingIdentity,
    EvalRun,
    Fault,
    Job,
    JobStage,
    JobState,
    PageSpan,
    Vector,
)

Row = RowMapping | Mapping[str, Any]


def select_collections() -> Select[Any]:
    """Return the query of collections with the number of their completed documents."""
    count = (
        select(func.count())
        .where(
            documents.c.collection_id == collections.c.id,
            documents.c.status == DocumentStatus.COMPLETED,
        )
        .scalar_subquery()
    )
    return select(collections, count.label("documents"))


def select_documents() -> Select[Any]:
    """Return the query of documents with their collection's name."""
    return select(documents, collections.c.name.label("collection")).join(collections)


def select_jobs() -> Select[Any]:
    """Return the query of jobs with the names of document and collection."""
    names = (documents.c.name.label("document_name"), collections.c.name.label("collection"))
    return (
        select(jobs, *names)
        .join(documents, documents.c.id == jobs.c.document_id)
        .join(collections, collections.c.id == documents.c.collection_id)
    )


def to_collection(row: Row) -> Collection:
    """Return the collection of a row of `select_collections`."""
    return Collection(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        created_at=row["created_at"],
        embedding=to_embedding(row["embedding"]),
        documents=row["documents"],
    )


def to_embedding(value: dict[str, Any] | None) -> EmbeddingIdentity | None:
    """Return the embedding identity of its JSON form, None where there is none."""
    if value is None:
        return None
    return EmbeddingIdentity(**{**value, "languages": tuple(value.get("languages", ()))})


def from_embedding(identity: EmbeddingIdentity) -> dict[str, Any]:
    """Return the JSON form of an embedding identity."""
    return {**asdict(identity), "languages": list(identity.languages)}


def to_document(row: Row) -> Document:
    """Return the document of a row of `select_documents`."""
    return Document(
        id=row["id"],
        collection_id=row["collection_id"],
        collection=row["collection"],
        name=row["name"],
        media_type=row["media_type"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        status=DocumentStatus(row["status"]),
        created_at=row["created_at"],
        job_id=row["job_id"],
        completed_at=row["completed_at"],
        error=to_fault(row),
        pages=row["pages"],
        chunks=row["chunks"],
        replaces=row["replaces"],
    )


def to_fault(row: Row) -> Fault | None:
    """Return the fault of a row with error columns, None where there is none."""
    if row["error_code"] is None:
        return None
    return Fault(code=row["error_code"], message=row["error_message"] or "")


def fault_columns(fault: Fault | None) -> dict[str, str | None]:
    """Return the error columns of a fault."""
    return {
        "error_code": fault.code if fault else None,
        "error_message": fault.message if fault else None,
    }


def to_job(row: Row) -> Job:
    """Return the job of a row of `select_jobs`."""
    return Job(
        id=row["id"],
        document_id=row["document_id"],
        document_name=row["document_name"],
        collection=row["collection"],
        state=JobState(row["state"]),
        stage=JobStage(row["stage"]),
        done=row["done"],
        total=row["total"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        error=to_fault(row),
    )


def to_eval_run(row: Row) -> EvalRun:
    """Return the evaluation run of a row."""
    return EvalRun(
        id=row["id"],
        dataset=row["dataset"],
        state=JobState(row["state"]),
        created_at=row["created_at"],
        done=row["done"],
        total=row["total"],
        finished_at=row["finished_at"],
        error=to_fault(row),
        result=row["result"],
    )


def to_chunk(row: Row) -> Chunk:
    """Return the chunk of a row of the chunk table."""
    return Chunk(
        id=row["id"],
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        page=row["page"],
        section=tuple(row["section"] or ()),
    )


def from_chunk(chunk: Chunk, vector: Vector) -> dict[str, Any]:
    """Return the row of a chunk and its vector."""
    return {
        "id": chunk.id,
        "document_id": chunk.document_id,
        "ordinal": chunk.ordinal,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "section": list(chunk.section) or None,
        "vector": np.asarray(vector, dtype="<f4").tobytes(),
    }


def to_vector(blob: bytes) -> Vector:
    """Return the vector of its stored bytes, shape (dimensions,)."""
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def to_page_spans(value: list[list[int]] | None) -> tuple[PageSpan, ...]:
    """Return the page spans of their JSON form, [[number, start, end], …]."""
    return tuple(PageSpan(*numbers) for numbers in value or ())
