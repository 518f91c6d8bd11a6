"""The one transaction that makes a document answer, and the one that takes it away."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from storage.catalogue.aliases import forget_alias, lives_on
from storage.catalogue.rows import from_chunk, to_embedding
from storage.catalogue.tables import chunks as chunk_table
from storage.catalogue.tables import collections, document_texts, documents, leftovers
from storage.errors import EmbeddingMismatch, UnknownDocument
from storage.records import Chunk, DocumentStatus, PageSpan, Vectors

ROWS_AT_ONCE = 500
"""Bound parameters of one statement stay far below SQLite's 32,766."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a document becomes: its text, pages, chunks, and one vector row per chunk."""

    text: str
    pages: tuple[PageSpan, ...]
    chunks: tuple[Chunk, ...]
    vectors: Vectors
    page_count: int | None

    def check(self, document_id: str) -> None:
        """Raise ValueError where the parts do not belong together."""
        if self.vectors.ndim != 2 or len(self.chunks) != len(self.vectors):
            raise ValueError(
                f"{len(self.chunks)} chunks need as many vector rows, not {self.vectors.shape}"
            )
        strangers = {chunk.document_id for chunk in self.chunks} - {document_id}
        if strangers:
            raise ValueError(f"chunks of {sorted(strangers)} given for document {document_id}")


def publish(connection: Connection, document_id: str, publication: Publication) -> list[str]:
    """Publish within the caller's transaction; return the chunk ids that no longer answer."""
    document = _publishable(connection, document_id)
    _check_dimensions(document, publication)
    present = {chunk.id for chunk in publication.chunks}
    gone = _chunk_ids(connection, document_id)
    connection.execute(delete(chunk_table).where(chunk_table.c.document_id == document_id))
    connection.execute(delete(document_texts).where(document_texts.c.document_id == document_id))
    connection.execute(delete(leftovers).where(leftovers.c.document_id == document_id))
    stale = [chunk_id for chunk_id in gone if chunk_id not in present]
    remember_leftovers(connection, document["collection_id"], document_id, stale)
    forget_alias(connection, document["collection_id"], document["name"])
    for replaced_id in _replaced(connection, document):
        if not lives_on(connection, replaced_id):
            stale += withdraw(connection, replaced_id, document["collection_id"])
    _write(connection, document_id, publication)
    return stale


def withdraw(connection: Connection, document_id: str, collection_id: str) -> list[str]:
    """Delete a document and all it brought; its chunk ids are left to sweep, and returned."""
    gone = _chunk_ids(connection, document_id)
    connection.execute(delete(documents).where(documents.c.id == document_id))
    connection.execute(
        update(leftovers).where(leftovers.c.document_id == document_id).values(staged=False)
    )
    remember_leftovers(connection, collection_id, document_id, gone)
    return gone


def remember_leftovers(
    connection: Connection,
    collection_id: str,
    document_id: str,
    chunk_ids: list[str],
    *,
    staged: bool = False,
) -> None:
    """Write down that these chunks may stand in an index and do not answer."""
    for first in range(0, len(chunk_ids), ROWS_AT_ONCE):
        batch = chunk_ids[first : first + ROWS_AT_ONCE]
        connection.execute(delete(leftovers).where(leftovers.c.chunk_id.in_(batch)))
        connection.execute(
            insert(leftovers),
            [
                {
                    "chunk_id": chunk_id,
                    "collection_id": collection_id,
                    "document_id": document_id,
                    "staged": staged,
                }
                for chunk_id in batch
            ],
        )


def _publishable(connection: Connection, document_id: str) -> RowMapping:
    query = (
        select(documents, collections.c.embedding, collections.c.name.label("collection"))
        .join(collections)
        .where(documents.c.id == document_id)
        .with_for_update()
    )
    document = connection.execute(query).mappings().one_or_none()
    if document is None:
        raise UnknownDocument(f"Document {document_id} has been deleted meanwhile.")
    if document["status"] == DocumentStatus.FAILED:
        raise UnknownDocument(
            f"“{document['name']}” is no longer wanted: {document['error_message']}"
        )
    return document


def _check_dimensions(document: RowMapping, publication: Publication) -> None:
    identity = to_embedding(document["embedding"])
    dimensions = publication.vectors.shape[1]
    if identity is not None and len(publication.chunks) and identity.dimensions != dimensions:
        raise EmbeddingMismatch(
            f"Collection “{document['collection']}” holds vectors of {identity.dimensions} "
            f"dimensions, these have {dimensions}: they come from another embedding model."
        )


def _replaced(connection: Connection, document: RowMapping) -> list[str]:
    """Return the completed documents of that name, and the one that the upload named."""
    query = select(documents.c.id).where(
        documents.c.collection_id == document["collection_id"],
        documents.c.id != document["id"],
        documents.c.status == DocumentStatus.COMPLETED,
        (documents.c.name == document["name"]) | (documents.c.id == document["replaces"]),
    )
    return list(connection.scalars(query))


def _chunk_ids(connection: Connection, document_id: str) -> list[str]:
    query = select(chunk_table.c.id).where(chunk_table.c.document_id == document_id)
    return list(connection.scalars(query.order_by(chunk_table.c.ordinal)))


def _write(connection: Connection, document_id: str, publication: Publication) -> None:
    connection.execute(
        insert(document_texts).values(
            document_id=document_id,
            text=publication.text,
            page_spans=[[page.number, page.start, page.end] for page in publication.pages],
        )
    )
    rows = [
        from_chunk(chunk, vector)
        for chunk, vector in zip(publication.chunks, publication.vectors, strict=True)
    ]
    if rows:
        connection.execute(insert(chunk_table), rows)
    connection.execute(
        update(documents)
        .where(documents.c.id == document_id)
        .values(
            status=DocumentStatus.COMPLETED,
            completed_at=datetime.now(UTC),
            pages=publication.page_count,
            chunks=len(publication.chunks),
            error_code=None,
            error_message=None,
        )
    )
