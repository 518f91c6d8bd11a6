"""Chunks: the texts that answer, and the vectors that indexes are rebuilt from."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Select, select

from storage.catalogue.database import Database
from storage.catalogue.publish import ROWS_AT_ONCE
from storage.catalogue.rows import (
    select_documents,
    to_chunk,
    to_document,
    to_page_spans,
    to_vector,
)
from storage.catalogue.tables import chunks, document_texts, documents
from storage.errors import UnknownDocument
from storage.records import Chunk, Document, DocumentStatus, PageSpan, StoredChunk, Vector

_WITHOUT_VECTOR = tuple(column for column in chunks.c if column.name != "vector")


class Chunks:
    """The chunks of completed documents; those of others do not exist yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def passages(self, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks of these ids with their documents; unknown ids are left out.

        An index may still name chunks that were replaced or deleted: they are left out too.
        """
        found: list[Chunk] = []
        with self._database.reading() as connection:
            for batch in _batches(chunk_ids):
                query = select(*_WITHOUT_VECTOR).where(chunks.c.id.in_(batch))
                found += [to_chunk(row) for row in connection.execute(query).mappings()]
            owners: dict[str, Document] = {}
            for batch in _batches(sorted({chunk.document_id for chunk in found})):
                query = select_documents().where(
                    documents.c.id.in_(batch), documents.c.status == DocumentStatus.COMPLETED
                )
                for row in connection.execute(query).mappings():
                    owners[row["id"]] = to_document(row)
        return {
            chunk.id: StoredChunk(chunk, owners[chunk.document_id])
            for chunk in found
            if chunk.document_id in owners
        }

    def of_document(self, document_id: str) -> list[Chunk]:
        """Return a document's chunks in reading order; none where it is not completed."""
        query = select(*_WITHOUT_VECTOR).where(chunks.c.document_id == document_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(chunks.c.ordinal)).mappings()
            return [to_chunk(row) for row in rows]

    def vectors(self, collection_id: str) -> Iterator[tuple[Chunk, Vector]]:
        """Yield every chunk of the collection with its vector, document by document.

        Each document is read in a transaction of its own, so a long rebuild holds no lock.
        """
        with self._database.reading() as connection:
            owners = list(connection.scalars(_completed(collection_id)))
        for document_id in owners:
            query = select(chunks).where(chunks.c.document_id == document_id)
            with self._database.reading() as connection:
                rows = connection.execute(query.order_by(chunks.c.ordinal)).mappings().all()
            for row in rows:
                yield to_chunk(row), to_vector(row["vector"])

    def vectors_of(self, chunk_ids: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors of these chunks; unknown ids are left out."""
        found: dict[str, Vector] = {}
        with self._database.reading() as connection:
            for batch in _batches(chunk_ids):
                query = select(chunks.c.id, chunks.c.vector).where(chunks.c.id.in_(batch))
                for row in connection.execute(query):
                    found[row.id] = to_vector(row.vector)
        return found

    def ids(self, collection_id: str) -> set[str]:
        """Return the ids of all chunks of the collection."""
        query = select(chunks.c.id).where(chunks.c.document_id.in_(_completed(collection_id)))
        with self._database.reading() as connection:
            return set(connection.scalars(query))

    def text(self, document_id: str) -> tuple[str, tuple[PageSpan, ...]]:
        """Return the text of a completed document and where its pages stand in it.

        Raises UnknownDocument when there is no completed document of that id.
        """
        query = select(document_texts).where(document_texts.c.document_id == document_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownDocument(f"There is no text of document {document_id[:64]} (yet).")
        return row["text"], to_page_spans(row["page_spans"])


def _completed(collection_id: str) -> Select[tuple[str]]:
    return select(documents.c.id).where(
        documents.c.collection_id == collection_id,
        documents.c.status == DocumentStatus.COMPLETED,
    )


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), ROWS_AT_ONCE):
        yield ids[first : first + ROWS_AT_ONCE]
